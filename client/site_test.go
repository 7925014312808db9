package client_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const match motacilla.ChannelID = "match-42"

// site is a server with all publishers on one store. Its connections can be cut, and it can be restarted.
type site struct {
	store  *memory.Store
	prefix string // the path below which a proxy serves it

	address string
	stop    func()

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	secret string                                        // the token that readers need; empty means none
	front  func(http.ResponseWriter, *http.Request) bool // sees every request first; true: it has answered
}

func open(t *testing.T) *site {
	t.Helper()
	s := &site{store: memory.New(nil), conns: map[net.Conn]struct{}{}}
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() {
		s.stop()
		_ = s.store.Close()
	})
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: match, Title: "A match"}, 0); err != nil {
		t.Fatal(err)
	}
	return s
}

type renderer struct{}

func (renderer) RenderPost(p motacilla.Post) (string, error) {
	return "<p>" + p.Content[0].Text + "</p>", nil
}

// start serves at an address.
func (s *site) start(t *testing.T, address string) {
	t.Helper()
	feed := publisher.NewFeed(s.store, renderer{}, &publisher.FeedOptions{
		Heartbeat: 200 * time.Millisecond, Repair: 50 * time.Millisecond, PageSize: 10, CatchUp: 40,
	})
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var publishers []publisher.Publisher
	add := func(p publisher.Publisher) publisher.Publisher {
		publishers = append(publishers, p)
		return p
	}
	table := route.NewTable()
	for _, p := range []publisher.Publisher{
		add(sse.New(feed, nil)), add(websocket.New(feed, nil)),
		add(polling.NewLong(feed, &polling.LongOptions{Hold: time.Second})),
		add(polling.NewInterval(feed, &polling.IntervalOptions{Interval: 10 * time.Millisecond})),
	} {
		for _, rt := range p.URLs() {
			if err := table.Add(rt.Name, "/live", route.Guard(rt, route.Read, s.authorize)); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := route.Route{Pattern: "/channels/{channel_id}/transports", Handler: http.HandlerFunc(s.transports)}
	if err := table.Add("site", "", route.Guard(list, route.Read, s.authorize)); err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		front := s.front
		s.mu.Unlock()
		if front == nil || !front(w, r) {
			http.StripPrefix(s.prefix, table).ServeHTTP(w, r)
		}
	}))
	_ = server.Listener.Close()
	server.Listener = ln
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch state {
		case http.StateNew:
			s.conns[c] = struct{}{}
		case http.StateClosed:
			delete(s.conns, c)
		}
	}
	server.Start()
	s.address = ln.Addr().String()
	s.stop = sync.OnceFunc(func() {
		s.cut()
		var all sync.WaitGroup
		for _, p := range publishers {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				if err := p.Shutdown(ctx); err != nil {
					t.Errorf("shutdown: %v", err)
				}
			})
		}
		all.Wait()
		s.cut()
		server.Close()
		_ = feed.Close()
	})
}

func (s *site) authorize(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
	s.mu.Lock()
	secret := s.secret
	s.mu.Unlock()
	switch r.Header.Get("Authorization") {
	case "Bearer " + secret:
		return route.Grant{}, nil
	case "":
		if secret == "" {
			return route.Grant{}, nil
		}
		return route.Grant{}, motacilla.ErrForbidden
	}
	return route.Grant{}, motacilla.ErrUnauthorized
}

func (s *site) transports(w http.ResponseWriter, r *http.Request) {
	ch, err := route.ChannelID(r)
	if err == nil {
		_, err = s.store.Channel(r.Context(), ch)
	}
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	var list []map[string]string
	for _, name := range client.Transports() {
		list = append(list, map[string]string{"name": name, "url": "/live/" + name + "/" + string(ch) + "/"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"transports": list})
}

// intercept has f see every request first. If f returns true, it has answered.
func (s *site) intercept(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = f
}

// want sets the token that readers need; empty means none.
func (s *site) want(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = secret
}

// cut breaks every connection.
func (s *site) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
		delete(s.conns, c)
	}
}

func (s *site) url() string { return "http://" + s.address + s.prefix }

func (s *site) post(t testing.TB, text string) motacilla.Post {
	t.Helper()
	p, err := s.store.PutPost(t.Context(), match, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(text)}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) head(t testing.TB) motacilla.Revision {
	t.Helper()
	c, err := s.store.Channel(t.Context(), match)
	if err != nil {
		t.Fatal(err)
	}
	return c.Head
}

// visible returns ID and content of the posts that readers see down to a floor, and of pinned posts below it, oldest first.
func (s *site) visible(t testing.TB, floor motacilla.PostKey) string {
	t.Helper()
	page, err := s.store.Posts(t.Context(), match, motacilla.Query{Limit: 1 << 20, Visible: true})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range slices.Backward(page.Posts) {
		if p.Pinned || floor.IsZero() || p.Key().Compare(floor) >= 0 {
			html, _ := renderer{}.RenderPost(p)
			b.WriteString(string(p.ID) + " " + html + "\n")
		}
	}
	return b.String()
}

// held returns what a view shows, in the form of visible.
func held(v *motacilla.View) string {
	var b strings.Builder
	for _, r := range v.Renders() {
		if r.Show {
			b.WriteString(string(r.ID) + " " + r.Content + "\n")
		}
	}
	return b.String()
}

// quick returns options with short pauses.
func quick(name string) *client.Options {
	return &client.Options{
		Transports: []string{name}, MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond, Heartbeat: time.Second,
	}
}
