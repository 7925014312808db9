package route_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

func lookup(_ context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	switch id {
	case "open":
		return motacilla.Channel{ID: id, Access: motacilla.Public}, nil
	case "closed":
		return motacilla.Channel{ID: id, Access: motacilla.Private}, nil
	case "down":
		return motacilla.Channel{}, fmt.Errorf("get channel: %w", motacilla.ErrUnavailable)
	}
	return motacilla.Channel{}, fmt.Errorf("get channel %q: %w", id, motacilla.ErrNotFound)
}

func TestTokenAuthorize(t *testing.T) {
	hook := route.NewToken("s3cret", lookup, nil)
	rec := httptest.NewRecorder()
	if err := hook.SignIn(rec, httptest.NewRequest(http.MethodPost, "/sign-in", nil), "s3cret"); err != nil {
		t.Fatal(err)
	}
	cookie := rec.Result().Cookies()[0]

	for _, tt := range []struct {
		name    string
		header  string
		cookie  string
		channel motacilla.ChannelID
		action  route.Action
		want    error
	}{
		{name: "public is open", channel: "open", action: route.Read},
		{name: "a wrong token does not close it", header: "Bearer no", channel: "open", action: route.Read},
		{name: "unknown is let through", channel: "nowhere", action: route.Read},
		{name: "no channel", action: route.Read},
		{name: "store down", channel: "down", action: route.Read, want: motacilla.ErrUnavailable},
		{name: "the token asks no store", header: "Bearer s3cret", channel: "down", action: route.Read},
		{name: "private", channel: "closed", action: route.Read, want: motacilla.ErrForbidden},
		{name: "private, wrong token", header: "Bearer s3cre", channel: "closed", action: route.Read, want: motacilla.ErrForbidden},
		{name: "private, token", header: "Bearer s3cret", channel: "closed", action: route.Read},
		{name: "scheme in any case", header: "bearer  s3cret", channel: "closed", action: route.Read},
		{name: "another scheme", header: "Basic s3cret", channel: "closed", action: route.Read, want: motacilla.ErrForbidden},
		{name: "private, cookie", cookie: cookie.Value, channel: "closed", action: route.Read},
		{name: "private, the token as cookie", cookie: "s3cret", channel: "closed", action: route.Read, want: motacilla.ErrForbidden},
		{name: "write without", channel: "open", action: route.Write, want: motacilla.ErrUnauthorized},
		{name: "write on no channel", action: route.Write, want: motacilla.ErrUnauthorized},
		{name: "write, wrong token", header: "Bearer x", channel: "open", action: route.Write, want: motacilla.ErrUnauthorized},
		{name: "write, empty token", header: "Bearer ", channel: "open", action: route.Write, want: motacilla.ErrUnauthorized},
		{name: "write by cookie", cookie: cookie.Value, channel: "open", action: route.Write, want: motacilla.ErrUnauthorized},
		{name: "the cookie as token", header: "Bearer " + cookie.Value, channel: "open", action: route.Write, want: motacilla.ErrUnauthorized},
		{name: "write", header: "Bearer s3cret", channel: "open", action: route.Write},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			if tt.cookie != "" {
				r.AddCookie(&http.Cookie{Name: route.Cookie, Value: tt.cookie})
			}
			grant, err := hook.Authorize(r, tt.channel, tt.action)
			if !errors.Is(err, tt.want) || !grant.Expires.IsZero() {
				t.Errorf("Authorize = %v, %v; want %v", grant, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error %q tells the token", err)
			}
		})
	}
}

func TestTokenTakesTheChannelThatTheRequestCarries(t *testing.T) {
	hook := route.NewToken("s3cret", lookup, nil)
	for access, want := range map[motacilla.Access]error{motacilla.Public: nil, motacilla.Private: motacilla.ErrForbidden} {
		r := route.WithChannel(httptest.NewRequest(http.MethodGet, "/", nil), motacilla.Channel{ID: "down", Access: access})
		grant, err := hook.Authorize(r, "down", route.Read)
		if !errors.Is(err, want) || grant.WhilePublic != (want == nil) {
			t.Errorf("%s: %+v, %v", access, grant, err)
		}
		if _, err := hook.Authorize(r, "closed", route.Read); !errors.Is(err, motacilla.ErrForbidden) {
			t.Errorf("another channel than the request carries: %v", err)
		}
	}
}

func TestTokenSignIn(t *testing.T) {
	hook := route.NewToken("s3cret", lookup, func(r *http.Request) bool { return r.TLS != nil })
	r := httptest.NewRequest(http.MethodPost, "https://live.example.org/sign-in", nil)
	rec := httptest.NewRecorder()
	if err := hook.SignIn(rec, r, "wrong"); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("SignIn with a wrong token = %v, want ErrForbidden", err)
	}
	if got := rec.Result().Cookies(); len(got) != 0 {
		t.Errorf("a wrong token sets %v", got)
	}
	rec = httptest.NewRecorder()
	if err := hook.SignIn(rec, r, "s3cret"); err != nil {
		t.Fatal(err)
	}
	c := rec.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || !c.Secure || c.Path != "/" {
		t.Errorf("cookie is %v", c)
	}
	if strings.Contains(c.Value, "s3cret") {
		t.Error("the cookie tells the token")
	}
}

func TestEmptyTokenMatchesNothing(t *testing.T) {
	hook := route.NewToken("", lookup, nil)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Authorization", "Bearer ")
	if _, err := hook.Authorize(r, "open", route.Write); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("Authorize = %v, want ErrUnauthorized", err)
	}
	if err := hook.SignIn(httptest.NewRecorder(), r, ""); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("SignIn = %v, want ErrForbidden", err)
	}
}
