package route_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// TestTokenSignInEditor: the second cookie permits to write, but only in requests of the site's own pages. It is another secret than the
// first one, and no token.
func TestTokenSignInEditor(t *testing.T) {
	hook := route.NewToken("s3cret", lookup, nil)
	hook.Path = "/news"
	in := httptest.NewRequest(http.MethodPost, "/sign-in", nil)
	rec := httptest.NewRecorder()
	if err := hook.SignInEditor(rec, in, "wrong"); !errors.Is(err, motacilla.ErrForbidden) || len(rec.Result().Cookies()) != 0 {
		t.Errorf("a wrong token: %v, %v", err, rec.Result().Cookies())
	}
	rec = httptest.NewRecorder()
	if err := route.NewToken("", lookup, nil).SignInEditor(rec, in, ""); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("without a token: %v", err)
	}
	rec = httptest.NewRecorder()
	if err := hook.SignInEditor(rec, in, "s3cret"); err != nil {
		t.Fatal(err)
	}
	cookies := map[string]string{}
	for _, c := range rec.Result().Cookies() {
		cookies[c.Name] = c.Value
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/news" || (c.MaxAge == 0) != (c.Name == route.WriterCookie) {
			t.Errorf("the cookie %v", c)
		}
	}
	writer := cookies[route.WriterCookie]
	if len(cookies) != 2 || writer == cookies[route.Cookie] || strings.Contains(writer, "s3cret") {
		t.Fatalf("the cookies are %v", cookies)
	}
	for _, tt := range []struct {
		method, name, value, header, text string
		action                            route.Action
		want                              error
	}{
		{method: "POST", name: route.WriterCookie, value: writer, action: route.Write},
		{method: "POST", name: route.WriterCookie, value: writer, action: route.Manage, header: "Sec-Fetch-Site", text: "same-origin"},
		{method: "POST", name: route.WriterCookie, value: writer, action: route.Write, header: "Sec-Fetch-Site", text: "same-site", want: motacilla.ErrForbidden},
		{method: "DELETE", name: route.WriterCookie, value: writer, action: route.Write, header: "Origin", text: "https://evil.example", want: motacilla.ErrForbidden},
		{method: "GET", name: route.WriterCookie, value: writer, action: route.Read},
		{method: "GET", name: route.WriterCookie, value: writer, action: route.Draft, header: "Sec-Fetch-Site", text: "cross-site"},
		{method: "POST", name: route.Cookie, value: writer, action: route.Write, want: motacilla.ErrUnauthorized},
		{method: "POST", name: route.WriterCookie, value: cookies[route.Cookie], action: route.Write, want: motacilla.ErrUnauthorized},
		{method: "POST", name: route.WriterCookie, value: "s3cret", action: route.Write, want: motacilla.ErrUnauthorized},
		{method: "POST", name: route.WriterCookie, value: "", action: route.Write, want: motacilla.ErrUnauthorized},
		{method: "POST", name: "x", value: "x", header: "Authorization", text: "Bearer " + writer, action: route.Write, want: motacilla.ErrUnauthorized},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.AddCookie(&http.Cookie{Name: tt.name, Value: tt.value})
		if tt.header != "" {
			r.Header.Set(tt.header, tt.text)
		}
		if _, err := hook.Authorize(r, "closed", tt.action); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if route.NewToken("another", lookup, nil).SignedToWrite(writer) || route.NewToken("", lookup, nil).SignedToWrite("") {
		t.Error("the cookie of another token, or of none, permits to write")
	}
}
