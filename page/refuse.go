package page

import (
	"errors"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

// navigates reports whether a browser shows the answer to a request.
func navigates(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// Refuse answers a request for a page of the site with an error: a browser that would show the answer gets a page, and other clients
// get a problem document.
func (p *Page) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case !navigates(r):
		route.WriteError(w, r, err)
	case errors.Is(err, route.ErrOtherOrigin):
		p.fail(w, r, http.StatusForbidden, badForm)
	default:
		p.refuse(w, r, err)
	}
}
