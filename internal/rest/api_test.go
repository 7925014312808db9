package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// TestOften: a hook notes what is changed, except what clients send every few seconds; and it notes all that it refuses.
func TestOften(t *testing.T) {
	var asked []string
	hook := func(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
		how := "noted"
		if route.IsTentative(r) {
			how = "tentative"
		}
		asked = append(asked, fmt.Sprint(how, " ", action, " ", ch))
		if r.Header.Get("Authorization") == "" {
			return route.Grant{}, motacilla.ErrForbidden
		}
		return route.Grant{Holder: &route.Holder{Who: "person/anna"}}, nil
	}
	who := ""
	serve := func(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
		if route.IsTentative(r) {
			t.Error("the request is still tentative when it is served")
		}
		who = route.GrantOf(r).Holder.Who
		return rest.Write(w, http.StatusOK, struct{}{})
	}
	mux := http.NewServeMux()
	mux.Handle("/{channel_id}", rest.New(hook, nil).Handler(
		rest.Method{Name: http.MethodPut, Action: route.Draft, Often: true, Serve: serve},
		rest.Method{Name: http.MethodPost, Action: route.Write, Serve: serve},
		rest.Method{Name: http.MethodPatch, Often: true, Serve: func(w http.ResponseWriter, _ *http.Request, _ motacilla.ChannelID) error {
			return rest.Write(w, http.StatusOK, struct{}{})
		}},
	))
	const known, other = "Authorization", "Sec-Fetch-Site"
	for _, c := range []struct {
		method, header, value string
		status                int
		asked                 []string
	}{
		{http.MethodPut, known, "x", 200, []string{"tentative draft final"}},
		{http.MethodPut, "", "", 403, []string{"tentative draft final", "noted draft final"}},
		{http.MethodPut, other, "cross-site", 403, []string{"noted draft final"}},
		{http.MethodPost, known, "x", 200, []string{"noted write final"}},
		{http.MethodPost, "", "", 403, []string{"noted write final"}},
		{http.MethodPatch, "", "", 200, nil},
	} {
		asked, who = nil, ""
		r := httptest.NewRequest(c.method, "/final", nil)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.status || !slices.Equal(asked, c.asked) {
			t.Errorf("%s with %s: %d, the hook was asked %q; want %d, %q", c.method, c.header, w.Code, asked, c.status, c.asked)
		}
		if c.header == known && who != "person/anna" {
			t.Errorf("%s is served for %q", c.method, who)
		}
	}
}
