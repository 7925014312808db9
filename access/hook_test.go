package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const serverToken = "the-server's-token"

// site is an Access on a store of its own, with the channels "open" and "closed".
type site struct {
	*access.Access
	testing.TB
	store *memory.Store
}

func open(t testing.TB, authenticators ...func(*access.Kit) access.Authenticator) *site {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	for id, who := range map[motacilla.ChannelID]motacilla.Access{"open": motacilla.Public, "closed": motacilla.Private} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id, Access: who}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return join(t, store, authenticators...)
}

// join returns another node on the store.
func join(t testing.TB, store *memory.Store, authenticators ...func(*access.Kit) access.Authenticator) *site {
	t.Helper()
	return joinWith(t, store, store.Records(), "", authenticators...)
}

// joinWith returns a node whose records are these, on a site below a path.
func joinWith(
	t testing.TB, store *memory.Store, records motacilla.Records, base string, authenticators ...func(*access.Kit) access.Authenticator,
) *site {
	t.Helper()
	kit := access.NewKit(&access.KitOptions{Records: records})
	var made []access.Authenticator
	for _, one := range authenticators {
		made = append(made, one(kit))
	}
	a := access.New(kit, serverToken, made...)
	a.Join(access.Site{
		Channel: store.Channel, Secure: func(r *http.Request) bool { return r.TLS != nil }, Base: base,
		Address: func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) },
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Shutdown(context.Background()) })
	return &site{a, t, store}
}

// request returns a request of a method with headers.
func request(method string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// token makes a named token.
func (s *site) token(name string, rights ...string) string {
	s.Helper()
	rs, err := access.ParseRights(rights)
	if err != nil {
		s.Fatal(err)
	}
	secret, err := s.Kit().CreateToken(s.Context(), access.Token{Name: name, Rights: rs})
	if err != nil {
		s.Fatal(err)
	}
	return secret
}

func TestTokens(t *testing.T) {
	s := open(t)
	editor := s.token("editor", "editor:open,match-*")
	for _, c := range []struct {
		token   string
		channel motacilla.ChannelID
		action  route.Action
		want    error
	}{
		{"", "open", route.Read, nil},
		{"", "none", route.Read, nil},
		{"", "closed", route.Read, motacilla.ErrForbidden},
		{"", "open", route.Draft, motacilla.ErrUnauthorized},
		{"wrong", "open", route.Read, nil},
		{"wrong", "closed", route.Read, motacilla.ErrUnauthorized},
		{"mot_editor_wrong", "open", route.Write, motacilla.ErrUnauthorized},
		{serverToken, "closed", route.Manage, nil},
		{serverToken, "", route.Manage, nil},
		{editor, "open", route.Write, nil},
		{editor, "match-1", route.Draft, nil},
		{editor, "", route.Write, nil},
		{editor, "open", route.Manage, motacilla.ErrForbidden},
		{editor, "closed", route.Read, motacilla.ErrForbidden},
	} {
		r := request(http.MethodPost)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		grant, err := s.Authorize(r, c.channel, c.action)
		if !errors.Is(err, c.want) {
			t.Errorf("%q, %s on %q: %v, want %v", c.token, c.action, c.channel, err, c.want)
		}
		if err == nil && c.action != route.Read && grant.Holder == nil {
			t.Errorf("%q, %s on %q: nobody holds the grant", c.token, c.action, c.channel)
		}
	}
}

// A request that says as whom it is sent is refused if somebody else is signed in, where something may be changed.
func TestAs(t *testing.T) {
	s := open(t)
	editor := s.token("red", "editor:open")
	for as, want := range map[string]error{
		"": nil, "token/red": nil, "token%2Fred": nil, "token/re%64": nil,
		"token/re": motacilla.ErrUnauthorized, "server": motacilla.ErrUnauthorized, "%zz": motacilla.ErrUnauthorized,
	} {
		r := request(http.MethodPost, "Authorization", "Bearer "+editor, access.As, as)
		if _, err := s.Authorize(r, "open", route.Write); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", as, err, want)
		}
		if _, err := s.Authorize(r, "open", route.Read); err != nil {
			t.Errorf("%q reads: %v", as, err)
		}
	}
}

// What is revoked on one node ends on another.
func TestRevoked(t *testing.T) {
	a := open(t)
	b := join(t, a.store)
	secret := a.token("ci", "reader")
	grant, err := b.Authorize(request(http.MethodGet, "Authorization", "Bearer "+secret), "closed", route.Read)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	grant.Holder.OnRevoke(func() { close(ended) })
	if err := a.Kit().RevokeToken(t.Context(), "ci"); err != nil {
		t.Fatal(err)
	}
	<-ended
	if _, err := b.Authorize(request(http.MethodGet, "Authorization", "Bearer "+secret), "closed", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("after the revocation: %v", err)
	}
}
