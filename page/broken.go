package page

import (
	"html/template"
	"net/http"
)

// broken is what a developer sees while the files of a look are broken and are read again for each page. It uses none of
// them.
var broken = template.Must(template.New("broken").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The look is broken</title>
</head>
<body>
<main>
<h1>The look is broken</h1>
<pre>{{.}}</pre>
<p>Mend the file and load this page again. Readers who have a page open keep the last look that was whole.
This page is shown because <code>page.reload</code> is on.</p>
</main>
</body>
</html>
`))

func showBroken(w http.ResponseWriter, err error) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'")
	w.WriteHeader(http.StatusInternalServerError)
	_ = broken.Execute(w, err.Error())
}
