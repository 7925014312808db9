package oembed

import (
	"errors"
	"html/template"
	"net/http"
	"strconv"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

// URLs returns the route of snippets. If players are off, there is none.
func (e *Embeds) URLs() []route.Route {
	if e.o.Frames == FramesOff {
		return nil
	}
	return []route.Route{{Name: "embeds", Pattern: snippetPath + "{key}", Handler: http.HandlerFunc(e.serve)}}
}

// snippetPolicy runs a snippet in an origin of its own, whoever opens the document: its scripts reach no cookie, no storage and
// no page of this server. It may not send forms, nor lead the page around it elsewhere.
const snippetPolicy = "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; default-src 'none'; " +
	"script-src 'unsafe-inline' https:; style-src 'unsafe-inline' https:; img-src https: data:; media-src https:; font-src https: data:; " +
	"connect-src https:; frame-src https:; base-uri 'none'; form-action 'none'"

// document is what a snippet is served in. The snippet stands in it as it is.
var document = template.Must(template.New("").Parse(`<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<base target="_blank">
<title>.</title>
<style>html { background: #fff; color: #111 } body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
body > * { margin: 0 auto !important }</style>
{{.}}
`))

func (e *Embeds) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", snippetPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	s, err := e.snippet(r.Context(), r.PathValue("key"))
	if err != nil {
		if errors.Is(err, motacilla.ErrNotFound) {
			h.Set("Cache-Control", "public, max-age=60")
		}
		route.WriteError(w, r, err)
		return
	}
	tag := `"` + short.Digest(s) + `"`
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of other sites show posts too
	if route.Unchanged(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	out := buffer{}
	if err := document.Execute(&out, template.HTML(s)); err != nil { //nolint:gosec // the policy above gives it an origin of its own
		route.WriteError(w, r, err)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = w.Write(out)
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
