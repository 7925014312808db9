package shop

import (
	"html/template"
	"io"
	"net/http"
)

var layout = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} – The shop</title></head>
<body><nav><a href="/">The shop</a> <a href="/news/live/">Live</a> <a href="/sign-in">Sign in</a></nav>
<main><h1>{{.Title}}</h1>{{.Body}}</main></body></html>
`))

// write writes a page in the shop's layout. body is HTML.
func write(w http.ResponseWriter, status int, title, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = layout.Execute(w, struct { // the reader may have gone
		Title string
		Body  template.HTML
	}{title, template.HTML(body)}) //nolint:gosec // all bodies are constants or made by a template
}

// Home is the shop's own page at /.
func Home(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "Welcome", `<form class="sell" method="post" action="/sell">
<label>Sell <input name="item" required></label><button>Sell</button></form>`)
}

// NotFound is the shop's own answer where there is nothing.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusNotFound, "Not in the shop", "<p>We do not have that.</p>")
}

// Style is the shop's own static file.
func Style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = io.WriteString(w, "nav { display: flex; gap: 1rem }\n")
}
