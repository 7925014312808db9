package presence

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// routes serves the routes of a node, with access, and compares every exchange with their description.
type routes struct {
	*testing.T
	*crowd
	records *breaking
	kit     *access.Kit
	plain   http.Handler
	handler http.Handler // plain, with the comparison
	compare func(http.Handler) http.Handler
	who     string // a token
}

// breaking is Records that fail if fault is set.
type breaking struct {
	motacilla.Records
	fault error
}

func (b *breaking) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	if b.fault != nil {
		return motacilla.Record{}, b.fault
	}
	return b.Records.Get(ctx, namespace, key)
}

func (b *breaking) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if b.fault != nil {
		return nil, b.fault
	}
	return b.Records.List(ctx, namespace, prefix, after, limit)
}

const serverToken = "the-server's"

func serve(t *testing.T) *routes {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	a := access.New(kit, serverToken)
	a.Join(access.Site{
		Channel: store.Channel, Secure: func(*http.Request) bool { return false },
		Address: func(*http.Request) netip.Addr { return netip.Addr{} },
	})
	s := &routes{T: t, crowd: crowded(3), records: &breaking{Records: store.Records()}, kit: kit, who: serverToken}
	p := New(s.crowd, s.records, a.Authorize, &Options{Node: "web-1", TTL: time.Hour})
	p.step(t)
	app := webapp.New(store, a.Authorize, nil)
	if err := app.Describe("", p.URLs()...); err != nil {
		t.Fatal(err)
	}
	described := route.NewTable()
	if err := described.Add("webapp", "", app.URLs()...); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil)
	r.Header.Set("Authorization", "Bearer "+serverToken)
	described.ServeHTTP(w, r)
	c, err := openapitest.New(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	table := route.NewTable()
	if err := table.Add("presence", "", p.URLs()...); err != nil {
		t.Fatal(err)
	}
	s.plain = a.Around(table)
	s.compare = func(h http.Handler) http.Handler { return c.Handler(t, h) }
	s.handler = s.compare(s.plain)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		for _, unseen := range c.Unseen("/api/readers", "/api/channels/{channel_id}/readers", "/api/channels/{channel_id}/editors") {
			t.Errorf("described, and by no request seen: %s", unseen)
		}
	})
	return s
}

func (s *routes) want(status int, method, path, body string, header ...string) *httptest.ResponseRecorder {
	s.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if s.who != "" {
		r.Header.Set("Authorization", "Bearer "+s.who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != status {
		s.Errorf("%s %s %.100s: %d %s, want %d", method, path, body, w.Code, w.Body, status)
	}
	return w
}

func (s *routes) token(name string, role access.Role) string {
	s.Helper()
	secret, err := s.kit.CreateToken(s.Context(), access.Token{Name: name, Rights: access.Rights{{Role: role}}})
	if err != nil {
		s.Fatal(err)
	}
	return secret
}

const (
	allReaders = "/api/readers"
	readers    = "/api/channels/channel-000001/readers"
	editing    = "/api/channels/channel-000001/editors"
	somePost   = "019aac24-46d0-7b3e-a2d0-cd5e12ab34cd"
)

// TestDescription: every answer is as described, and every described answer, field and header is seen.
func TestDescription(t *testing.T) {
	s := serve(t)
	s.want(200, "GET", allReaders, "")
	if got := s.want(200, "GET", readers, "").Body.String(); !strings.Contains(got, `"now":2`) {
		t.Errorf("the readers are %s", got)
	}
	for _, body := range []string{`{}`, `{"tab":"1","post":null,"draft":null}`, `{"tab":"2","post":"` + somePost + `","draft":"` + somePost + `"}`} {
		s.want(200, "PUT", editing, body)
	}
	s.want(200, "GET", editing, "")
	for _, body := range []string{
		``, `[]`, `{"tab":1}`, `{"tab":null}`, `{"tab":"a\u0000"}`, `{"tab":"a\nb"}`, `{"post":"x"}`, `{"draft":"X"}`, `{"who":"person/eve"}`,
	} {
		s.want(400, "PUT", editing, body)
	}
	s.want(413, "PUT", editing, `{"tab":"`+strings.Repeat("x", 2<<20)+`"}`)
	s.want(415, "PUT", editing, `{}`, "Content-Type", "text/plain")
	s.want(403, "PUT", editing, `{}`, "Sec-Fetch-Site", "cross-site")
	for i := range mostTabs - 3 {
		s.want(200, "PUT", editing, `{"tab":"more `+string(rune('a'+i))+`"}`)
	}
	if w := s.want(429, "PUT", editing, `{"tab":"too many"}`); w.Header().Get("Retry-After") == "" {
		t.Error("a 429 without Retry-After")
	}

	type operation struct{ method, path, bad, none string }
	operations := []operation{
		{"GET", allReaders, "", ""},
		{"GET", readers, "/api/channels/a%20b/readers", "/api/channels/none/readers"},
		{"GET", editing, "/api/channels/a%20b/editors", "/api/channels/none/editors"},
		{"PUT", editing, "/api/channels/a%20b/editors", "/api/channels/none/editors"},
	}
	reader, contributor := s.token("reader", access.Reader), s.token("contributor", access.Contributor)
	for _, o := range operations {
		if o.bad != "" {
			s.want(400, o.method, o.bad, `{}`)
			s.want(404, o.method, o.none, `{}`)
		}
		s.want(405, "DELETE", o.path, "")
		for status, fault := range map[int]error{500: errors.New("boom"), 503: motacilla.ErrUnavailable} {
			s.records.fault = fault
			s.want(status, o.method, o.path, `{}`)
			s.records.fault, s.crowd.fault = nil, fault
			if o.path != allReaders {
				s.want(status, o.method, o.path, `{}`)
			}
			s.crowd.fault = nil
		}
		for who, status := range map[string]int{"": 401, "wrong": 401, reader: 403, contributor: 200} {
			if s.who = who; o.path == allReaders && who == contributor {
				status = 403
			}
			s.want(status, o.method, o.path, `{}`)
		}
		s.who = serverToken
	}
	synctest.Test(t, func(*testing.T) { // all requests are made in the same second
		s.handler = s.compare(route.NewRateLimit(1, &route.RateLimitOptions{Burst: 1}).Handler(s.plain))
		s.want(200, "GET", allReaders, "")
		for _, o := range operations {
			s.want(429, o.method, o.path, `{}`)
		}
	})
}

// TestEditorsAreNotNoted: what an editor says every few seconds is not in the audit log, unless it is refused.
func TestEditorsAreNotNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		kit := access.NewKit(&access.KitOptions{Records: store.Records()})
		a := access.New(kit, serverToken)
		a.Join(access.Site{Channel: store.Channel, Address: func(*http.Request) netip.Addr { return netip.Addr{} }})
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := New(&crowd{}, store.Records(), a.Authorize, nil)
		table := route.NewTable()
		if err := table.Add("presence", "", p.URLs()...); err != nil {
			t.Fatal(err)
		}
		put := func(token string) int {
			r := httptest.NewRequest(http.MethodPut, editing, strings.NewReader(`{}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			a.Around(table).ServeHTTP(w, r)
			return w.Code
		}
		for range 3 {
			if status := put(serverToken); status != 200 {
				t.Errorf("an editor is answered %d", status)
			}
			if status := put("wrong"); status != 401 {
				t.Errorf("a stranger is answered %d", status)
			}
		}
		if err := a.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		events, _, err := kit.Audit(t.Context(), "", 10)
		if err != nil || len(events) != 1 || events[0].Status != 401 || events[0].Count != 3 || events[0].Path != editing {
			t.Errorf("the audit log has %+v, %v", events, err)
		}
	})
}
