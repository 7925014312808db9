package standard_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// TestDescribedCredentials: each operation takes the credentials that its description names, and no others.
func TestDescribedCredentials(t *testing.T) {
	s := openAccess(t)
	doc, err := openapi3.NewLoader().LoadFromData(s.description())
	if err != nil {
		t.Fatal(err)
	}
	every := access.Rights{{Role: access.Admin}}
	token, signed := bearerOf(s.named(access.Admin, every)), bearerOf(s.signed(access.Admin, every))
	ticket, reader := s.ticket(access.Admin, every), s.reader()
	asked := 0
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Security == nil {
				t.Errorf("%s %s: no word of credentials", method, path)
				continue
			}
			named := []string{}
			for _, one := range *operation.Security {
				named = append(named, strings.Join(slices.Sorted(maps.Keys(one)), "+"))
			}
			by := map[string]func(*http.Request){"": func(*http.Request) {}, "token": token, "jwt": signed, "reader": reader}
			by["session"] = s.session(access.Admin, every, "http://"+s.server.Addr().String()) // signing out ends it
			if method == http.MethodGet || method == http.MethodHead {
				by["ticket"] = ticket
			}
			for scheme, add := range by {
				status := s.status(method, path, add)
				asked++
				refused := status == http.StatusUnauthorized || status == http.StatusForbidden && scheme != "session"
				switch described := slices.Contains(named, scheme); {
				case scheme == "" && described, slices.Contains(named, ""): // what is shown does not matter
				case described && refused, !described && !refused && scheme != "ticket":
					t.Errorf("%s %s, with %q: %d; described are %q", method, path, scheme, status, named)
				}
			}
			for _, scheme := range named {
				if by[scheme] == nil {
					t.Errorf("%s %s: %q is described, and is no credential here", method, path, scheme)
				}
			}
		}
	}
	t.Logf("%d requests", asked)
}

// description is what the server says of its routes.
func (s *accessSite) description() []byte {
	s.Helper()
	resp, err := http.Get("http://" + s.server.Addr().String() + "/api/openapi.json")
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return doc
}

// reader adds the cookie that the page's form for the server's token sets.
func (s *accessSite) reader() func(*http.Request) {
	s.Helper()
	w := httptest.NewRecorder()
	if err := route.NewToken("s3cret", nil, nil).SignIn(w, httptest.NewRequest(http.MethodPost, "/", nil), "s3cret"); err != nil {
		s.Fatal(err)
	}
	return func(r *http.Request) { r.AddCookie(w.Result().Cookies()[0]) }
}

// status makes a request, about what is not there if it would remove it.
func (s *accessSite) status(method, path string, add func(*http.Request)) int {
	s.Helper()
	ch := motacilla.ChannelID("own-1")
	if method == http.MethodDelete {
		ch = "gone"
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	path = filled(path, ch)
	if strings.HasPrefix(path, "/live/") && strings.Count(path, "/") == 2 || path == "/events" {
		path += "?c=own-1"
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.server.Addr().String()+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	add(r)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
