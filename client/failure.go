package client

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// errOrderly means that the server ended the connection in good order, as in a drain.
var errOrderly = errors.New("the server ended the connection")

// failure is the error of a connection that could not be made, or that broke, and says what follows from it.
type failure struct {
	err      error
	unusable bool          // the transport does not work on this network; another may
	own      bool          // the server itself refused: it is not the transport's fault
	after    time.Duration // how long the server asks to wait
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// unusable reports whether another transport should be tried.
func unusable(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.unusable
}

// own reports whether the server itself refused.
func own(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.own
}

// final reports whether another attempt would be useless.
func final(err error) bool {
	for _, known := range []error{
		motacilla.ErrNotFound, motacilla.ErrForbidden, motacilla.ErrUnauthorized, motacilla.ErrInvalid, ErrNoTransport,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// refusal is the error of an answer with a status other than 200.
type refusal struct {
	kind error // an error of the root package, or nil
	text string
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.kind }

// maxProblem is how much of a problem document is read, in bytes.
const maxProblem = 4 << 10

// refused returns the error for an answer with a status other than 200. It reads the body and does not close it.
//
// Only a problem document with status and title (docs/wire.md) is the server's own. Every other answer comes from
// something in between, such as a proxy whose server restarts. Its 5xx, 408, 425 and 429 mean that the transport does
// not work now; its other statuses mean that the transport does not work here.
func refused(resp *http.Response) error {
	var p struct {
		Status        int
		Title, Detail string
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	own := kind == "application/problem+json"
	if own {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
		own = err == nil && json.Unmarshal(body, &p) == nil && p.Title != "" && p.Status == resp.StatusCode
	}
	f := &failure{own: own, after: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	r := &refusal{text: "the server answered " + resp.Status}
	f.err = r
	switch status := resp.StatusCode; {
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported,
		status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
	case own:
		r.kind = kindOf(status)
		f.unusable = r.kind == nil
	default:
		f.unusable = true
		r.text += ", not as Motacilla does"
	}
	if own && p.Detail != "" {
		r.text += ": " + p.Detail
	}
	return f
}

func kindOf(status int) error {
	switch status {
	case http.StatusBadRequest:
		return motacilla.ErrInvalid
	case http.StatusUnauthorized:
		return motacilla.ErrUnauthorized
	case http.StatusForbidden:
		return motacilla.ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return motacilla.ErrNotFound
	}
	return nil
}

// longestStay is the longest wait that a server may ask for.
const longestStay = time.Hour

// retryAfter parses the header Retry-After (RFC 9110, section 10.2.3): seconds or a date. It returns 0 if there is none.
func retryAfter(field string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(field, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, longestStay)
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return 0
	}
	return max(0, min(at.Sub(now), longestStay))
}
