package people

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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

const (
	serverToken = "the-server's-token"
	goodWord    = "a wagtail on the roof"
	host        = "localhost:8080"
)

// contract is the description of the routes. Each request and answer of these tests is compared with it.
var contract = sync.OnceValue(func() *openapitest.Contract {
	store := memory.New(nil)
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	p := New(nil, kit)
	access.New(kit, "", p)
	app := webapp.New(store, func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return route.Grant{}, nil }, nil)
	table := route.NewTable()
	for _, err := range []error{app.Describe("", p.URLs()...), table.Add("webapp", "", app.URLs()...)} {
		if err != nil {
			panic(err)
		}
	}
	w := httptest.NewRecorder()
	table.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	c, err := openapitest.New(w.Body.Bytes())
	if err != nil {
		panic(err)
	}
	return c
})

// pages shows forms as JSON.
type pages struct{ base string }

type shown struct {
	Name string
	Data json.RawMessage
}

func (p pages) Form(w http.ResponseWriter, _ *http.Request, status int, name string, data any) {
	value, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	body, _ := json.Marshal(shown{name, value})
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Refuse says whether it is a page by its content type.
func (p pages) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		route.WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(route.ProblemOf(err).Status)
}

func (p pages) Local(next string) string {
	if !strings.HasPrefix(next, p.base+"/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return p.base + "/"
	}
	return next
}

// site is a node with its people.
type site struct {
	*testing.T
	*People
	access *access.Access
	store  *memory.Store
	clock  *later // of the store, if this node made it
	notice *bytes.Buffer
	h      http.Handler
	number int // people so far
}

// later is a store's clock that goes before time.Now.
type later struct{ by atomic.Int64 }

func (l *later) Now() time.Time { return time.Now().Add(time.Duration(l.by.Load())) }

type settings struct {
	store *memory.Store // of another node
	site  access.Site
	o     Options

	records func(motacilla.Records) motacilla.Records // of the store, as the node has them; nil: as they are
}

// in calls f in a bubble, in which time passes only while everything waits.
func in(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// open returns a site on a store of its own, without people.
func open(t *testing.T) *site { return openWith(t, settings{}) }

func openWith(t *testing.T, s settings) *site {
	t.Helper()
	clock := &later{}
	if s.store == nil {
		s.store = memory.New(&memory.Options{Clock: clock.Now})
		store := s.store
		t.Cleanup(func() { _ = store.Close() })
	}
	notice := &bytes.Buffer{}
	s.o.Notice = notice
	records := s.store.Records()
	if s.records != nil {
		records = s.records(records)
	}
	kit := access.NewKit(&access.KitOptions{Records: records})
	p := New(&s.o, kit)
	p.hashes = newHasher(cost{memory: 8, passes: 1, threads: 1})
	a := access.New(kit, serverToken, p)
	s.site.Channel = s.store.Channel
	s.site.Secure = func(r *http.Request) bool { return r.Header.Get("X-Forwarded-Proto") == "https" }
	s.site.Address = func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) }
	s.site.Pages = pages{s.site.Base}
	a.Join(s.site)
	table, err := route.NewTableBelow(s.site.Base)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Add("people", "", p.URLs()...); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Shutdown(context.Background()) })
	if err := p.Announce(t.Context(), "http://"+host+s.site.Base); err != nil {
		t.Fatal(err)
	}
	return &site{T: t, People: p, access: a, store: s.store, clock: clock, notice: notice, h: table}
}

// pass lets time pass for the store alone, which is faster: nothing ticks meanwhile.
func (s *site) pass(d time.Duration) { s.clock.by.Add(int64(d)) }

// admin is a site with one person, the admin "anna", who has signed in.
func admin(t *testing.T) (*site, *browser) {
	t.Helper()
	s := open(t)
	anna := s.browser("192.0.2.1")
	anna.join(s.first(), "anna", "Anna")
	return s, anna
}

// first returns the path of the link for the first account.
func (s *site) first() string {
	s.Helper()
	_, link, ok := strings.Cut(strings.TrimSpace(s.notice.String()), "within 24 hours: ")
	if !ok {
		s.Fatalf("the notice is %q", s.notice)
	}
	return pathOf(s.T, link)
}

func pathOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Path == "" {
		t.Fatalf("the link is %q: %v", link, err)
	}
	return u.Path
}

// browser is a browser at an address.
type browser struct {
	*site
	address string
	cookies map[string]string
}

func (s *site) browser(address string) *browser {
	return &browser{s, address, map[string]string{}}
}

// answer is an answer to a browser.
type answer struct {
	*browser
	*httptest.ResponseRecorder
}

func (b *browser) do(method, path, media string, body io.Reader, header ...string) answer {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), method, path, body)
	r.Host = host
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(b.address), 4711).String()
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	if strings.HasPrefix(path, "/api/") {
		contract().Handler(b, b.h).ServeHTTP(w, r)
	} else {
		b.h.ServeHTTP(w, r)
	}
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{b, w}
}

func (b *browser) get(path string, header ...string) answer {
	b.Helper()
	return b.do(http.MethodGet, path, "", nil, header...)
}

// post sends a form.
func (b *browser) post(path string, values url.Values, header ...string) answer {
	b.Helper()
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()), header...)
}

// rest sends JSON.
func (b *browser) rest(method, path string, body any, header ...string) answer {
	b.Helper()
	if body == nil {
		return b.do(method, path, "", nil, header...)
	}
	value, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	return b.do(method, path, "application/json", bytes.NewReader(value), header...)
}

// want fails the test if the status is another one.
func (a answer) want(status int) answer {
	a.Helper()
	if a.Code != status {
		a.browser.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	return a
}

// to fails the test if the answer does not lead there.
func (a answer) to(path string) answer {
	a.Helper()
	a.want(http.StatusSeeOther)
	if got := a.ResponseRecorder.Header().Get("Location"); got != path {
		a.browser.Fatalf("it leads to %q, want %q", got, path)
	}
	return a
}

// form returns the data of the form of that name.
func form[F any](a answer, status int, name string) (f F) {
	a.Helper()
	a.want(status)
	var s shown
	if err := json.Unmarshal(a.Body.Bytes(), &s); err != nil || s.Name != name {
		a.browser.Fatalf("the form is %q: %v, want %q", s.Name, err, name)
	}
	if err := json.Unmarshal(s.Data, &f); err != nil {
		a.browser.Fatal(err)
	}
	return f
}

// decoded returns the JSON of an answer.
func decoded[T any](a answer, status int) (v T) {
	a.Helper()
	a.want(status)
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
		a.browser.Fatalf("%v: %s", err, a.Body)
	}
	return v
}

// join uses an invitation with a password.
func (b *browser) join(link, login, name string) {
	b.Helper()
	b.post(link, url.Values{"login": {login}, "name": {name}, "password": {goodWord}}).to(b.kit.Site().Base + "/account")
}

// signIn tries a password.
func (b *browser) signIn(login, password string) answer {
	b.Helper()
	return b.post(b.kit.Site().Base+"/sign-in", url.Values{"login": {login}, "password": {password}, "next": {b.kit.Site().Base + "/x"}})
}

func (b *browser) isIn() bool {
	b.Helper()
	return b.get(b.kit.Site().Base+"/account").Code == http.StatusOK
}

// session returns the cookie of the session; empty: there is none.
func (b *browser) session() string { return b.cookies[access.Cookie] }

// invited returns the path of a new invitation.
func (b *browser) invite(rights ...string) (path, id string) {
	b.Helper()
	rs, err := access.ParseRights(rights)
	if err != nil {
		b.Fatal(err)
	}
	inv := decoded[Invitation](b.rest(http.MethodPost, "/api/access/invitations", map[string]any{"rights": rs}), http.StatusCreated)
	return pathOf(b.T, inv.URL), inv.ID
}

// person makes somebody who has signed in.
func (b *browser) person(login string, rights ...string) *browser {
	b.Helper()
	link, _ := b.invite(rights...)
	b.number++
	one := b.browser(fmt.Sprintf("198.51.100.%d", b.number))
	one.join(link, login, strings.ToUpper(login[:1])+login[1:])
	return one
}

// events returns the actions of the audit log, the newest first, with what was refused in front.
func (s *site) events() (list []string) {
	s.Helper()
	all, _, err := s.kit.Audit(s.Context(), "", 1000)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range all {
		text := e.Action
		if e.Refused != "" {
			text = "refused: " + text
		}
		list = append(list, text+" "+e.Who)
	}
	return list
}

// newExchange returns a request of a browser, and what answers it.
func newExchange(t *testing.T) (*httptest.ResponseRecorder, *http.Request) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-in", nil)
	r.Host = host
	return httptest.NewRecorder(), r
}
