package page

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

const mostForm = 8 << 10 // the largest form for a token, in bytes

// takesTokens reports whether private pages have a form for a token.
func (p *Page) takesTokens() bool { return p.o.SignIn != nil && p.o.SignInURL == "" }

// signIn answers the form of private pages. It refuses forms from other sites.
func (p *Page) signIn() http.Handler {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Refuse(w, r, route.ErrOtherOrigin)
	}))
	return own.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case p.o.SignIn == nil:
			p.fail(w, r, http.StatusNotFound, reasons[http.StatusNotFound])
			return
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			p.fail(w, r, http.StatusMethodNotAllowed, reasons[http.StatusMethodNotAllowed])
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		if err := r.ParseForm(); err != nil {
			p.fail(w, r, http.StatusBadRequest, badForm)
			return
		}
		next, signIn := p.local(r.PostFormValue("next")), p.o.SignIn
		if p.o.SignInEditor != nil && !p.forReaders(next) {
			signIn = p.o.SignInEditor
		}
		if err := signIn(w, r, r.PostFormValue("token")); err != nil {
			p.refuse(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, next, http.StatusSeeOther)
	}))
}

// local returns next if it is a path on this server, and the site's home otherwise.
func (p *Page) local(next string) string {
	if !strings.HasPrefix(next, p.o.Base+"/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return p.o.Home
	}
	return next
}

// forReaders reports whether a path on this server is one of a page for readers.
func (p *Page) forReaders(at string) bool {
	rest := strings.TrimPrefix(at, p.o.Base)
	return at == p.o.Home || rest == "/" || strings.HasPrefix(rest, "/?") || strings.HasPrefix(rest, "/channels/")
}
