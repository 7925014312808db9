package live

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// around leads the answers of a publisher past the http.ResponseWriters that the app's middleware has put around that of
// the server. So no middleware compresses or buffers them. What middleware knows of the answer's headers it has set
// before; a Content-Encoding is removed.
//
// A wrapper that has neither the server's methods nor an Unwrap hides the server's writer. Then streams can't be served.
func (l *Live) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec, ok := w.(*recorder)
		if !ok { // the publisher's route is not behind ServeHTTP
			h.ServeHTTP(w, r)
			return
		}
		inner, wrapped := innermost(rec.ResponseWriter)
		if wrapped {
			rec.past(inner)
		}
		if hidden := hides(inner, r); hidden != "" {
			l.refuseHidden(w, r, inner, hidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// innermost returns the writer that w is put around, by the convention of http.ResponseController, and whether w is put
// around another one.
func innermost(w http.ResponseWriter) (inner http.ResponseWriter, wrapped bool) {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w, wrapped
		}
		next := u.Unwrap()
		if next == nil {
			return w, wrapped
		}
		w, wrapped = next, true
	}
}

// hides returns the method of the server's writer that w, the innermost that can be had, does not have.
func hides(w http.ResponseWriter, r *http.Request) string {
	needed := r.Header.Get("Upgrade") != "" || w.Header().Get("Content-Encoding") != ""
	if _, ok := w.(http.Hijacker); !ok && needed && r.ProtoMajor == 1 {
		return "Hijack"
	}
	_, flusher := w.(http.Flusher)
	if _, fails := w.(interface{ FlushError() error }); !flusher && !fails {
		return "Flush"
	}
	return ""
}

func (l *Live) refuseHidden(w http.ResponseWriter, r *http.Request, hider http.ResponseWriter, method string) {
	detail := fmt.Sprintf("middleware has put a %T around the http.ResponseWriter, which hides %s: "+
		"give it a method Unwrap() http.ResponseWriter, or mount the live site outside of that middleware", hider, method)
	l.hidden.Do(func() { l.Logger.Error(detail, zap.String("path", r.URL.Path)) })
	route.WriteProblem(w, route.Problem{Status: http.StatusInternalServerError, Detail: detail})
}

// past makes rec write to inner.
func (w *recorder) past(inner http.ResponseWriter) {
	h := inner.Header()
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		h.Del("Content-Encoding")
		h.Del("Content-Length")
	}
	for name, values := range w.Header() { // a wrapper may have headers of its own
		if name != "Content-Encoding" {
			h[name] = values
		}
	}
	w.ResponseWriter, w.control = inner, http.NewResponseController(inner)
	w.deadline.Set = w.control.SetWriteDeadline
}
