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
// A wrapper without an Unwrap hides the server's writer. If it also lacks a method that streams need, or has said that it
// encodes the answer, the request is refused with an error that says so.
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
		if lack := lacks(inner, r); lack != "" {
			l.refuseHidden(w, r, inner, lack)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// innermost returns the writer that w is put around, by the convention of http.ResponseController, and whether w is put
// around another one.
//
// A writer with a method Written, such as gin's, is asked by its framework at the end whether there was an answer. If it is
// directly around the server's writer it is used itself: it changes nothing, and past it the framework would answer again.
func innermost(w http.ResponseWriter) (inner http.ResponseWriter, wrapped bool) {
	outer := w
	var around http.ResponseWriter
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok || u.Unwrap() == nil {
			break
		}
		around, w = w, u.Unwrap()
	}
	if _, asked := around.(interface{ Written() bool }); asked {
		w = around
	}
	return w, w != outer
}

// lacks says why w, the innermost writer that can be had, can't carry what a publisher sends. It returns "" if w can.
func lacks(w http.ResponseWriter, r *http.Request) string {
	_, hijacker := w.(http.Hijacker)
	_, flusher := w.(http.Flusher)
	_, failing := w.(interface{ FlushError() error })
	switch upgrade := r.Header.Get("Upgrade") != "" && r.ProtoMajor == 1; {
	case upgrade && !hijacker:
		return "hides Hijack"
	case !upgrade && encoded(w.Header()): // an upgraded connection has no encoding
		return "encodes the answer"
	case !flusher && !failing:
		return "hides Flush"
	}
	return ""
}

// encoded reports whether middleware has said that it will encode the answer.
func encoded(h http.Header) bool {
	encoding := h.Get("Content-Encoding")
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

func (l *Live) refuseHidden(w http.ResponseWriter, r *http.Request, hider http.ResponseWriter, lack string) {
	detail := fmt.Sprintf("middleware has put a %T around the http.ResponseWriter, which %s: "+
		"give it a method Unwrap() http.ResponseWriter, or leave the paths below %s/live/ out of that middleware",
		hider, lack, l.options.BasePath)
	l.hidden.Do(func() { l.Logger.Error(detail, zap.String("path", r.URL.Path)) })
	route.WriteProblem(w, route.Problem{Status: http.StatusInternalServerError, Detail: detail})
}

// past makes rec write to inner.
func (w *recorder) past(inner http.ResponseWriter) {
	h := inner.Header()
	for name, values := range w.Header() { // a wrapper may have headers of its own
		h[name] = values
	}
	if encoded(h) {
		h.Del("Content-Encoding")
		h.Del("Content-Length")
	}
	w.ResponseWriter, w.control = inner, http.NewResponseController(inner)
	w.deadline.Set = w.control.SetWriteDeadline
}
