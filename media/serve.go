package media

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// URLs returns the route of the files, /media/ID/WIDTH.jpg and .png. Nobody is asked for a permission: whoever has the URL sees the
// image. Files never change, so browsers and caches keep them.
func (l *Library) URLs() []route.Route {
	return []route.Route{{Name: "media", Pattern: "/media/{media_id}/{file}", Handler: http.HandlerFunc(l.serve)}}
}

func (l *Library) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	e, err := l.served(r)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	for _, s := range e.Files {
		if s.file() != r.PathValue("file") {
			continue
		}
		if err := l.send(w, r, s); err != nil {
			l.fail(w, r, err)
		}
		return
	}
	l.fail(w, r, motacilla.ErrNotFound)
}

// served returns the image of a request. A reader does not keep an image from being collected.
func (l *Library) served(r *http.Request) (*entry, error) {
	id := r.PathValue("media_id")
	if !ids.MatchString(id) {
		return nil, motacilla.ErrNotFound
	}
	if e := l.known.get(id); e != nil {
		return e, nil
	}
	return l.look(r.Context(), id)
}

// send sends a file. What it returns is an error before the first byte.
func (l *Library) send(w http.ResponseWriter, r *http.Request, s size) error {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*") // the images of posts are shown on pages of other sites
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	tag := `"` + s.Digest[:32] + `"`
	if route.Unchanged(r, tag) {
		setLasting(h, tag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	f, body, err := l.store.Open(r.Context(), s.Name)
	if err != nil {
		return err
	}
	defer body.Close()
	if f.Size != s.Bytes {
		return &motacilla.UnavailableError{Reason: "the file of an image is damaged", Err: errors.New(s.Name)}
	}
	setLasting(h, tag)
	h.Set("Content-Type", TypeOf(s.Name))
	h.Set("Content-Disposition", "inline")
	if seeker, ok := body.(io.ReadSeeker); ok {
		http.ServeContent(w, r, "", time.Time{}, seeker)
		return nil
	}
	h.Set("Content-Length", strconv.FormatInt(s.Bytes, 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, body)
	}
	return nil
}

func setLasting(h http.Header, tag string) {
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", tag)
}

// missing is how long an answer that there is no such image may be kept: one may be added.
const missing = "public, max-age=10"

func (l *Library) fail(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, motacilla.ErrNotFound) {
		if r.Context().Err() == nil {
			l.o.Logger.Warn("an image can't be served", zap.String("image", r.PathValue("media_id")), zap.Error(err))
		}
		route.WriteError(w, r, unavailable(err))
		return
	}
	body, _ := json.Marshal(route.Problem{
		Status: http.StatusNotFound, Title: http.StatusText(http.StatusNotFound), Detail: "there is no such image",
	}) // strings and an int always encode
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", missing)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(body)
}
