package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// site is an Access with signed tokens, on a store with the channels "own" and "foreign", which are private, and "open".
type site struct {
	*access.Access
	store *memory.Store
}

func open(t testing.TB, o *Options) *site {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	for id, who := range map[motacilla.ChannelID]motacilla.Access{"own": motacilla.Private, "foreign": motacilla.Private, "open": motacilla.Public} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id, Access: who}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return openOn(t, store, o)
}

// openOn returns a node on a store.
func openOn(t testing.TB, store *memory.Store, o *Options) *site {
	t.Helper()
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	one, err := New(kit, o)
	if err != nil {
		t.Fatal(err)
	}
	a := access.New(kit, "the server's token", one)
	a.Join(access.Site{
		Channel: store.Channel, Secure: func(*http.Request) bool { return false },
		Address: func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) },
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Shutdown(context.Background()) })
	return &site{a, store}
}

func get(method, url string, header ...string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

var actions = []route.Action{route.Read, route.Draft, route.Write, route.Manage}

// TestHook: each role on its own and on a foreign channel, by header, cookie and ticket, permits each action or not.
func TestHook(t *testing.T) {
	o := options()
	o.Cookie = "app"
	s := open(t, o)
	for _, role := range []access.Role{"", access.Reader, access.Contributor, access.Editor, access.Admin} {
		token := hs(map[string]any{"motacilla": map[string]any{"role": string(role), "channels": []string{"own"}}})
		for _, by := range []string{"header", "cookie", "cookie of another site", "ticket"} {
			for _, channel := range []motacilla.ChannelID{"own", "foreign", "open", "none"} {
				for _, action := range actions {
					may := role.Allows(action) && channel == "own" &&
						(action == route.Read || by == "header" || by == "cookie") || action == route.Read && (channel == "open" || channel == "none")
					grant, err := s.Authorize(s.request(t, by, token, action), channel, action)
					if may != (err == nil) || err != nil && !errors.Is(err, motacilla.ErrForbidden) && !errors.Is(err, motacilla.ErrUnauthorized) {
						t.Errorf("%q by %s, %s on %s: %v", role, by, action, channel, err)
					}
					if may && channel == "own" && (grant.Holder.Who != "jwt/42" || grant.Holder.Name != "Anna" || grant.WhilePublic || time.Until(grant.Expires) > time.Hour+11*time.Second) {
						t.Errorf("%q by %s, %s on %s: %+v", role, by, action, channel, grant)
					}
				}
			}
		}
	}
}

// request returns a request with a token that came in some way.
func (s *site) request(t *testing.T, by, token string, action route.Action) *http.Request {
	t.Helper()
	method := http.MethodPost
	if action == route.Read {
		method = http.MethodGet
	}
	switch by {
	case "header":
		return get(method, "/", "Authorization", "Bearer "+token)
	case "cookie":
		return get(method, "/", "Cookie", "app="+token, "Sec-Fetch-Site", "same-origin")
	case "cookie of another site":
		return get(method, "/", "Cookie", "app="+token, "Sec-Fetch-Site", "cross-site")
	}
	subject, err := s.Kit().Subject(get(http.MethodPost, "/", "Authorization", "Bearer "+token))
	if err != nil {
		t.Fatal(err)
	}
	ticket, _, err := s.Kit().Ticket(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	return get(method, "/?ticket="+ticket)
}

// A token that is refused permits what nobody needs a permission for, and no more.
func TestHookRefuses(t *testing.T) {
	s := open(t, options())
	for _, one := range attacks("https://192.0.2.1/keys") {
		if one.name == "another issuer" || one.name == "no issuer" || one.name == "the issuer is a list" {
			continue // no issuer is demanded
		}
		for _, action := range actions {
			r := get(http.MethodGet, "/", "Authorization", "Bearer "+one.token)
			if _, err := s.Authorize(r, "own", action); err == nil {
				t.Errorf("%s: may %s", one.name, action)
			}
		}
		if _, err := s.Authorize(get(http.MethodGet, "/", "Authorization", "Bearer "+one.token), "open", route.Read); err != nil {
			t.Errorf("%s: may not read what is open: %v", one.name, err)
		}
	}
}

// TestMemory: 10,000 readers with a token each take a bounded amount of memory.
func TestMemory(t *testing.T) {
	const (
		readers = 10_000
		each    = 2 << 10 // bytes
	)
	s := open(t, options())
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range readers {
		token := hs(map[string]any{"sub": fmt.Sprint("reader-", i), "motacilla": "reader", "more": "what nobody needs to remember ......................"})
		if _, err := s.Authorize(get(http.MethodGet, "/", "Authorization", "Bearer "+token), "own", route.Read); err != nil {
			t.Fatal(err)
		}
	}
	if used := int64(heap()) - int64(before); used > readers*each {
		t.Errorf("%d tokens take %d bytes", readers, used)
	} else {
		t.Logf("%d bytes for each token", used/readers)
	}
	runtime.KeepAlive(s)
}

// BenchmarkAuthorize compares the hook for a token that is remembered, one that is not, and route.Token's for the server's token.
func BenchmarkAuthorize(b *testing.B) {
	s := open(b, options())
	token := hs(nil)
	run := func(name string, authorize route.Authorizer, header func(i int) string) {
		b.Run(name, func(b *testing.B) {
			r := get(http.MethodGet, "/", "Authorization", "")
			for i := 0; b.Loop(); i++ {
				r.Header["Authorization"][0] = header(i)
				if _, err := authorize(r, "own", route.Read); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	before := route.NewToken("the server's token", s.store.Channel, nil).Authorize
	run("route.Token", before, func(int) string { return "Bearer the server's token" })
	run("remembered", s.Authorize, func(int) string { return "Bearer " + token })
	var fresh []string
	for i := range 120_000 { // more than are remembered
		fresh = append(fresh, "Bearer "+hs(map[string]any{"jti": i}))
	}
	run("new", s.Authorize, func(i int) string { return fresh[i%len(fresh)] })
}
