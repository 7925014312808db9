package oidc_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/oidc"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// site is a site of two nodes on one store, behind one address. Requests go to the two in turn.
type site struct {
	testing.TB
	url   string
	nodes []*access.Access
	table []http.Handler
	turn  atomic.Int64
	store *memory.Store
	log   *zap.Logger
	logs  *observer.ObservedLogs
}

// newSite starts a site. options is called with its URL.
func newSite(t testing.TB, options func(site string) *oidc.Options) *site {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	s := &site{TB: t, store: memory.New(nil), log: zap.New(core), logs: logs}
	t.Cleanup(func() { _ = s.store.Close() })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.table[s.turn.Add(1)%int64(len(s.table))].ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	for range 2 {
		s.join(s.url, options(s.url))
	}
	return s
}

// join adds a node.
func (s *site) join(publicURL string, options ...*oidc.Options) {
	s.Helper()
	kit := access.NewKit(&access.KitOptions{Records: s.store.Records(), Client: outboundtest.NewClient(s), Logger: s.log})
	var all []access.Authenticator
	for _, o := range options {
		one, err := oidc.New(o, kit)
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, one)
	}
	at, err := url.Parse(publicURL)
	if err != nil {
		s.Fatal(err)
	}
	base := strings.TrimSuffix(at.Path, "/")
	a := access.New(kit, "", all...)
	a.Join(access.Site{
		Channel: s.store.Channel, Secure: func(*http.Request) bool { return strings.HasPrefix(publicURL, "https:") },
		Address: func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) },
		URL:     publicURL, Base: base, Pages: pages{},
	})
	if err := a.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = a.Shutdown(context.Background()) })
	table, err := route.NewTableBelow(base)
	for _, one := range all {
		if err == nil {
			err = table.Add("oidc", "/", one.(access.Sited).URLs()...)
		}
	}
	if err != nil {
		s.Fatal(err)
	}
	s.nodes = append(s.nodes, a)
	s.table = append(s.table, table)
}

// pages shows forms as JSON.
type pages struct{}

func (pages) Form(w http.ResponseWriter, _ *http.Request, status int, name string, data any) {
	w.Header().Set("X-Form", name)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(data)
}

// Refuse says whether it is a page by its content type.
func (pages) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		route.WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(route.ProblemOf(err).Status)
}

// Local has the rule of package page.
func (pages) Local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// browser keeps cookies, and follows redirects until it is at a page of the site.
type browser struct {
	*http.Client
	s *site
}

func (s *site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	transport := &http.Transport{}
	s.Cleanup(transport.CloseIdleConnections)
	return &browser{&http.Client{Jar: jar, Transport: transport}, s}
}

// answer is where a browser has come to.
type answer struct {
	*http.Response
	body string
	form access.SignInForm // if it is one
}

func (b *browser) do(r *http.Request) answer {
	b.s.Helper()
	resp, err := b.Do(r)
	if err != nil {
		b.s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.s.Fatal(err)
	}
	a := answer{Response: resp, body: string(body)}
	if resp.Header.Get("X-Form") == "signin" {
		if err := json.Unmarshal(body, &a.form); err != nil {
			b.s.Fatal(err)
		}
	}
	return a
}

func (b *browser) get(at string) answer {
	b.s.Helper()
	r, err := http.NewRequestWithContext(b.s.Context(), http.MethodGet, at, nil)
	if err != nil {
		b.s.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(at string, form url.Values) answer {
	b.s.Helper()
	r, err := http.NewRequestWithContext(b.s.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		b.s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// signIn goes the whole way.
func (b *browser) signIn() answer {
	b.s.Helper()
	return b.get(b.s.url + "/sign-in/oidc?next=/channels/open")
}

// who returns whom a node takes the browser for.
func (b *browser) who(node int) *access.Subject {
	b.s.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	at, err := url.Parse(b.s.url)
	if err != nil {
		b.s.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(at) {
		r.AddCookie(c)
	}
	subject, err := b.s.nodes[node].Kit().Subject(r)
	if err != nil {
		b.s.Fatal(err)
	}
	return subject
}

// is fails the test unless both nodes take the browser for who, who may do what rights say. who is empty for nobody.
func (b *browser) is(who string, rights ...string) {
	b.s.Helper()
	for node := range b.s.nodes {
		subject := b.who(node)
		switch {
		case who == "" && subject != nil:
			b.s.Errorf("node %d: is %s, want nobody", node, subject.Holder.Who)
		case who == "":
		case subject == nil:
			b.s.Errorf("node %d: is nobody, want %s", node, who)
		default:
			var has []string
			for _, r := range subject.Rights {
				has = append(has, r.String())
			}
			if subject.Holder.Who != who || strings.Join(has, " ") != strings.Join(rights, " ") {
				b.s.Errorf("node %d: is %s who may %q, want %s who may %q", node, subject.Holder.Who, has, who, rights)
			}
		}
	}
}

// noted returns the audit log's events of an action, the newest first.
func (s *site) noted(action string) (list []access.Event) {
	s.Helper()
	for _, node := range s.nodes {
		events, _, err := node.Kit().Audit(s.Context(), "", 1000)
		if err != nil {
			s.Fatal(err)
		}
		if node == s.nodes[len(s.nodes)-1] { // now both have written what they had
			for _, e := range events {
				if e.Action == action {
					list = append(list, e)
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b access.Event) int { return b.Time.Compare(a.Time) }) // of two nodes
	return list
}

// channel makes a private channel.
func (s *site) channel(id motacilla.ChannelID) {
	s.Helper()
	if _, err := s.store.PutChannel(s.Context(), motacilla.Channel{ID: id, Access: motacilla.Private}, 0); err != nil {
		s.Fatal(err)
	}
}
