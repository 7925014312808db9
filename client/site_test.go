package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const match motacilla.ChannelID = "match-42"

// patience bounds how long a test waits. It must only end a test that hangs.
const patience = 2 * time.Minute

// site is a server with all publishers on one store. Its connections can be cut, and it can be restarted.
type site struct {
	store  *memory.Store
	prefix string       // the path below which a proxy serves it
	http   *http.Client // finds the server also after a restart, when it has another port

	first string // the address before any restart
	stop  func()

	mu      sync.Mutex
	address string // empty: the server is stopped, and connections are refused
	conns   map[net.Conn]http.ConnState
	secret  string                                        // the token that readers need; empty means none
	front   func(http.ResponseWriter, *http.Request) bool // sees every request first; true: it has answered
}

func open(t *testing.T) *site {
	t.Helper()
	transport := &http.Transport{}
	s := &site{store: memory.New(nil), conns: map[net.Conn]http.ConnState{}, http: &http.Client{Transport: transport}}
	transport.DialContext = s.dial
	s.start(t)
	s.first = s.address
	t.Cleanup(func() {
		s.stop()
		transport.CloseIdleConnections()
		_ = s.store.Close()
	})
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: match, Title: "A match"}, 0); err != nil {
		t.Fatal(err)
	}
	return s
}

type renderer struct{}

func (renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	return motacilla.TrustedHTML("<p>" + p.Content[0].Text.String() + "</p>"), nil
}

// dial connects to the server, whatever the address.
func (s *site) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	address := s.address
	s.mu.Unlock()
	if address == "" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return hurried{conn}, nil
}

// hurried is a connection on which event streams tell readers to come back after 0 ms, which means nothing, instead of
// seconds.
type hurried struct{ net.Conn }

func (c hurried) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for rest := p[:n]; ; {
		at := bytes.Index(rest, []byte("retry: "))
		if at < 0 {
			return n, err
		}
		rest = rest[at+len("retry: "):]
		for i := 0; i < len(rest) && '0' <= rest[i] && rest[i] <= '9'; i++ {
			rest[i] = '0'
		}
	}
}

// start starts the server.
func (s *site) start(t *testing.T) {
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
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		front := s.front
		s.mu.Unlock()
		if front == nil || !front(w, r) {
			http.StripPrefix(s.prefix, table).ServeHTTP(w, r)
		}
	}))
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if state == http.StateClosed {
			delete(s.conns, c)
		} else {
			s.conns[c] = state
		}
	}
	server.Start()
	s.at(server.Listener.Addr().String())
	s.stop = sync.OnceFunc(func() {
		s.at("")
		s.cut()
		var all sync.WaitGroup
		for _, p := range publishers {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
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
	for _, name := range ours() {
		list = append(list, map[string]string{"name": name, "url": "/live/" + name + "/" + string(ch) + "/"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"transports": list})
}

// ours returns the server's own transports. The others need a hub.
func ours() []string { return []string{"sse", "websocket", "long-polling", "interval-polling"} }

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

// at sets the address of the server.
func (s *site) at(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = address
}

// cut breaks every connection. The publisher must close the sockets of hijacked connections: it may know them by their
// descriptor, which another connection must not get before.
func (s *site) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, state := range s.conns {
		delete(s.conns, c)
		tcp, ok := c.(*net.TCPConn)
		if state != http.StateHijacked || !ok {
			_ = c.Close()
			continue
		}
		_ = tcp.CloseWrite()
		_ = tcp.CloseRead()
	}
}

func (s *site) url() string { return "http://" + s.first + s.prefix }

func (s *site) post(t testing.TB, text string) motacilla.Post {
	t.Helper()
	content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(text))}
	p, err := s.store.PutPost(t.Context(), match, motacilla.Post{Show: true, Content: content}, 0)
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
			b.WriteString(string(p.ID) + " " + html.String() + "\n")
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

// quick returns options with short pauses. A busy machine must not be taken for a transport that fails.
func (s *site) quick(name string) *settings {
	return &settings{
		FollowOptions: client.FollowOptions{Transports: []string{name}, FirstUpdate: patience, Heartbeat: patience},
		own:           own{client.Options{HTTP: s.http, MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond}},
	}
}

// settings are the options of a client, and of its Follow. Retry is that of Follow.
type settings struct {
	client.FollowOptions
	own
}

type own struct{ client.Options }

// following follows a channel with a client of its own.
func following(
	ctx context.Context, base string, ch motacilla.ChannelID, o *settings,
) iter.Seq2[motacilla.Update, error] {
	c, err := client.New(base, &o.Options)
	if err != nil {
		return func(yield func(motacilla.Update, error) bool) { yield(motacilla.Update{}, err) }
	}
	return c.Follow(ctx, ch, &o.FollowOptions)
}
