package page_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/route"
)

// TestRefuse: a browser gets a page that says what it can do, and a program a problem.
func TestRefuse(t *testing.T) {
	src := newSource()
	failed := 0
	pages := page.New(src, src.snapshot, &page.Options{SignInURL: "/sign-in", Failed: func(*http.Request, error) { failed++ }})
	for _, tt := range []struct {
		err       error
		status    int
		want, not string
	}{
		{route.ErrOtherOrigin, 403, "The form must be sent from this site", "sign-in"},
		{fmt.Errorf("no: %w", motacilla.ErrForbidden), 403, "/sign-in?next=", "must be sent"},
		{motacilla.ErrUnavailable, 503, "right now", "sign-in"},
		{errors.New("s3cret"), 500, "<!doctype html>", "s3cret"},
	} {
		for accept, media := range map[string]string{
			"text/html,application/xhtml+xml,*/*;q=0.8": "text/html; charset=utf-8", "application/json": "application/problem+json", "": "application/problem+json",
		} {
			r := httptest.NewRequest(http.MethodPost, "/account", http.NoBody)
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			pages.Refuse(w, r, tt.err)
			if w.Code != tt.status || w.Header().Get("Content-Type") != media || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%v for %q: %d %v", tt.err, accept, w.Code, w.Header())
			}
			if body := w.Body.String(); strings.Contains(accept, "html") && (!strings.Contains(body, tt.want) || strings.Contains(body, tt.not)) {
				t.Errorf("%v: the page has no %q, or %q: %s", tt.err, tt.want, tt.not, body)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d errors are the site's own", failed)
	}
}
