package live

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

const bodyTimeout = 60 * time.Second // for the body of a request

// ServeHTTP serves all routes. It adds to each: time limits, headers, a log entry, metrics, and an answer if the handler
// panics.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := l.begin(w, r)
	if l.options.Access == nil {
		defer l.end(rec, r)
		l.table.ServeHTTP(rec, r)
		return
	}
	watched, done := l.options.Access.Watch(r)
	defer l.end(rec, watched) // it knows the route, and which part of the path is secret
	defer func() {
		r.Pattern = watched.Pattern // the caller looks for it in r
		done(rec.status)
	}()
	l.table.ServeHTTP(rec, watched)
}

func (l *Live) stall() time.Duration { return l.Feed.Options().Stall }

func (l *Live) begin(w http.ResponseWriter, r *http.Request) *recorder {
	rec := &recorder{
		ResponseWriter: w, control: http.NewResponseController(w), began: time.Now(),
		upgrade: r.Header.Get("Upgrade") != "",
	}
	if r.ProtoMajor >= 2 {
		rec.cutter = publisher.NewCutter(rec.control.SetWriteDeadline, l.stall())
	} else {
		rec.deadline = publisher.Deadline{Set: rec.control.SetWriteDeadline, Stall: l.stall()}
	}
	if r.Body != nil && r.Body != http.NoBody {
		_ = rec.control.SetReadDeadline(rec.began.Add(bodyTimeout))
		_ = rec.control.SetWriteDeadline(time.Time{}) // the deadline of an earlier answer would break 100 Continue
		r.Body = &timedBody{r.Body, rec.control}
	}
	h := w.Header() // hijacked connections get these too
	h[contentTypeOptions], h[referrerPolicy] = nosniff, strictOrigin
	return rec
}

// end must be deferred, because it recovers.
func (l *Live) end(rec *recorder, r *http.Request) {
	cause := recover()
	if cause != nil && cause != http.ErrAbortHandler { //nolint:errorlint // a panic's value is compared as net/http does
		l.Logger.Error("a handler panicked", zap.String("path", loggedPath(r)), zap.String("cause", fmt.Sprint(cause)),
			zap.ByteString("stack", debug.Stack()))
		if rec.status == 0 {
			route.WriteProblem(rec, route.Problem{Status: http.StatusInternalServerError})
			cause = nil
		}
	}
	if rec.cutter != nil {
		rec.cutter.Retire()
	}
	if !rec.hijacked {
		_ = rec.control.SetWriteDeadline(time.Now().Add(l.stall())) // for what is buffered
	}
	l.count(rec, r)
	if cause != nil {
		panic(http.ErrAbortHandler) // half an answer must not look complete
	}
}

// Headers of every answer, unless its handler sets others. All answers share the slices: the methods of http.Header replace
// slices and do not change them.
const (
	contentTypeOptions = "X-Content-Type-Options"
	referrerPolicy     = "Referrer-Policy"
)

var nosniff, strictOrigin = []string{"nosniff"}, []string{"strict-origin-when-cross-origin"}

func (l *Live) count(rec *recorder, r *http.Request) {
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	l.metrics.request(l.routeLabel(r.Pattern), status)
	if l.Logger.Core().Enabled(zap.DebugLevel) {
		l.logRequest(r, status, time.Since(rec.began))
	}
}

func (l *Live) logRequest(r *http.Request, status int, took time.Duration) {
	l.Logger.Debug("request", zap.String("method", r.Method), zap.String("path", loggedPath(r)), zap.Int("status", status),
		zap.Duration("took", took), zap.Stringer("remote", l.Proxies.ClientAddr(r)))
}

// loggedPath returns the path of a request without the value of the wildcard secret.
func loggedPath(r *http.Request) string {
	secret := r.PathValue(route.Secret)
	if secret == "" {
		return r.URL.Path
	}
	return strings.ReplaceAll(r.URL.Path, secret, "(secret)")
}

// routeLabel returns the pattern of the route without the base path, or "other" if no route matches.
func (l *Live) routeLabel(pattern string) string {
	pattern = strings.TrimPrefix(pattern, l.options.BasePath)
	pattern = strings.TrimSuffix(pattern, "{$}")
	if pattern == "/" || pattern == "" {
		return "other"
	}
	return strings.TrimSuffix(pattern, "/")
}

// recorder keeps the status, and gives every write a deadline. A client that takes nothing for the stall time is closed; a
// slow client is not.
type recorder struct {
	http.ResponseWriter
	control  *http.ResponseController
	deadline publisher.Deadline // over HTTP/1
	cutter   *publisher.Cutter  // over HTTP/2
	began    time.Time
	status   int
	upgrade  bool // the request asks for it
	hijacked bool
}

// chunk is how many bytes are written under one deadline.
const chunk = 64 << 10

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.answers(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// answers keeps the status. A 304 needs no headers that the client knows from the answer that it keeps (RFC 9110, section
// 15.4.5).
func (w *recorder) answers(status int) {
	w.status = status
	if status == http.StatusNotModified {
		h := w.Header()
		delete(h, contentTypeOptions)
		delete(h, referrerPolicy)
	}
}

func (w *recorder) Write(b []byte) (written int, err error) {
	if w.status == 0 {
		w.answers(http.StatusOK)
	}
	for {
		part := b[:min(len(b), chunk)]
		w.beginWrite()
		n, err := w.ResponseWriter.Write(part)
		w.endWrite()
		written += n
		if err != nil || len(b) <= chunk {
			return written, err
		}
		b = b[len(part):]
	}
}

func (w *recorder) beginWrite() {
	if w.cutter != nil {
		w.cutter.Begin()
	} else {
		w.deadline.Extend()
	}
}

func (w *recorder) endWrite() {
	if w.cutter != nil {
		w.cutter.End()
	}
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.answers(http.StatusOK)
	}
	w.beginWrite()
	_ = w.control.Flush()
	w.endWrite()
}

// Hijack implements http.Hijacker. From then on the new owner sets the deadlines.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := w.control.Hijack()
	if err == nil {
		w.hijacked, w.status = true, http.StatusOK
		if w.upgrade {
			w.status = http.StatusSwitchingProtocols
		}
	}
	return conn, buf, err
}

// timedBody removes the read deadline when the body is complete. The request may be parked for long after that.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
