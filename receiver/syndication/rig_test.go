package syndication

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap/zaptest"
)

const home motacilla.ChannelID = "match-42"

// patience bounds how long a test waits. It must only end a test that hangs.
const patience = 2 * time.Minute

// newStore returns a store with the channel home.
func newStore(t testing.TB) *memory.Store {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home, Title: "A match"}, 0); err != nil {
		t.Fatal(err)
	}
	return store
}

// newKit returns a kit whose client reaches servers of the test.
func newKit(t testing.TB, store *memory.Store) *receiver.Kit {
	t.Helper()
	client := outbound.New(&outbound.Options{Allow: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	}})
	t.Cleanup(client.HTTP().CloseIdleConnections)
	return &receiver.Kit{
		Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Metrics: &receiver.Metrics{}, Client: client,
	}
}

func newReceiver(t testing.TB, kit *receiver.Kit, change func(*Options), feeds ...string) *Receiver {
	t.Helper()
	o := Defaults()
	o.Feeds = feeds
	if change != nil {
		change(o)
	}
	r, err := New(kit, o, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start starts r until the test ends.
func start(t testing.TB, r *Receiver) {
	t.Helper()
	if err := r.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// site is a server with a feed. handle answers; nil serves the document.
type site struct {
	*httptest.Server

	mu       sync.Mutex
	kind     string
	document string
	header   http.Header
	status   int
	requests []http.Header
	handle   http.HandlerFunc
}

func newSite(t testing.TB) *site {
	s := &site{kind: "application/atom+xml", header: http.Header{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Header.Clone())
	handle, status, document, kind := s.handle, s.status, s.document, s.kind
	for k, v := range s.header {
		w.Header()[k] = v
	}
	s.mu.Unlock()
	if handle != nil {
		handle(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	if status != 0 {
		w.WriteHeader(status)
	}
	_, _ = w.Write([]byte(document))
}

// set changes what the site serves.
func (s *site) set(change func(*site)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *site) publish(document string) { s.set(func(s *site) { s.document = document }) }

func (s *site) asked() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]http.Header(nil), s.requests...)
}

// item is an entry of a test's feed.
type item struct {
	id, title, content, author string
	minute                     int // when it was published
	updated                    int // minutes after that
	more                       string
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// atomOf returns an Atom feed, with more within its feed element.
func atomOf(more string, items ...item) string {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" ` +
		`xmlns:at="http://purl.org/atompub/tombstones/1.0"><title>The Wire</title><id>urn:wire</id>` + more)
	for _, i := range items {
		at := noon.Add(time.Duration(i.minute) * time.Minute)
		fmt.Fprintf(&b, `<entry><id>urn:entry:%s</id><title>%s</title><author><name>%s</name></author><published>%s</published>`+
			`<updated>%s</updated><link href="https://wire.example/%s"/><content type="html">%s</content>%s</entry>`,
			xmlText(i.id), xmlText(i.title), xmlText(i.author), at.Format(time.RFC3339),
			at.Add(time.Duration(i.updated)*time.Minute).Format(time.RFC3339), xmlText(i.id), xmlText(i.content), i.more)
	}
	b.WriteString("</feed>")
	return b.String()
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// posts returns the texts of the posts of home, the newest first.
func posts(t testing.TB, store *memory.Store) []motacilla.Post {
	t.Helper()
	page, err := store.Posts(context.Background(), home, motacilla.Query{Limit: 2000})
	if err != nil {
		t.Fatal(err)
	}
	return page.Posts
}

func textOf(p motacilla.Post) string {
	s := ""
	for _, b := range p.Content {
		s += b.Text.String()
	}
	return s
}

// wantPosts fails the test unless the posts of home, the newest first, have these texts in them.
func wantPosts(t testing.TB, store *memory.Store, texts ...string) {
	t.Helper()
	list := posts(t, store)
	var got []string
	for _, p := range list {
		got = append(got, textOf(p))
	}
	for i, want := range texts {
		if len(list) != len(texts) || !strings.Contains(got[i], want) {
			t.Fatalf("the posts are %q, want %q", got, texts)
		}
	}
	if len(list) != len(texts) {
		t.Fatalf("the posts are %q, want %q", got, texts)
	}
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); {
		if time.Now().After(late) {
			t.Fatalf("waited in vain: %s", what)
		}
		timer := time.NewTimer(5 * time.Millisecond)
		<-timer.C
	}
}

func refresh(t testing.TB, r *Receiver) {
	t.Helper()
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// stateOf returns what is known of the receiver's first feed.
func stateOf(t testing.TB, r *Receiver) state {
	t.Helper()
	var st state
	if _, err := r.states.load(context.Background(), r.feeds[0].key, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// serve serves the receiver's routes.
func serve(t testing.TB, r func() *Receiver) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		table := route.NewTable()
		if err := table.Add("receiver", "/", r().URLs()...); err != nil {
			t.Error(err)
		}
		table.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return server
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// publicClient returns a client that reaches no server of the test.
func publicClient(t testing.TB) *outbound.Client {
	client := outbound.New(nil)
	t.Cleanup(client.HTTP().CloseIdleConnections)
	return client
}
