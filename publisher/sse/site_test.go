package sse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	match   = publishertest.Channel
	members = publishertest.Members
	secret  = publishertest.Secret
)

// connection is how readers are connected. The zero value is TCP, with readers on the epoll engine.
type connection struct {
	name       string
	goroutines bool   // a goroutine per connection
	coding     string // that readers accept; empty is none
	server     publishertest.ServerOptions
}

var connections = []connection{
	{name: "epoll engine"},
	{name: "goroutine per connection", goroutines: true},
	{name: "TLS", server: publishertest.ServerOptions{TLS: true}},
	{name: "TLS, goroutine per connection", goroutines: true, server: publishertest.ServerOptions{TLS: true}},
	{name: "TLS, wrapped socket", server: publishertest.ServerOptions{TLS: true, Wrapped: true}},
	{name: "HTTP/2", server: publishertest.ServerOptions{TLS: true, HTTP2: true}},
	{name: "wrapped socket", server: publishertest.ServerOptions{Wrapped: true}},
	{name: "Unix socket", server: publishertest.ServerOptions{Unix: true}},
	{name: "epoll engine, gzip", coding: "gzip"},
	{name: "epoll engine, zstd", coding: "zstd"},
	{name: "goroutine per connection, zstd", goroutines: true, coding: "zstd"},
	{name: "HTTP/2, gzip", coding: "gzip", server: publishertest.ServerOptions{TLS: true, HTTP2: true}},
}

// each runs a test over every kind of connection.
func each(t *testing.T, test func(t *testing.T, c connection)) {
	for _, c := range connections {
		t.Run(c.name, func(t *testing.T) { test(t, c) })
	}
}

// settings are what a test needs of its site.
type settings struct {
	connection
	lifetime  time.Duration
	feed      publisher.FeedOptions
	store     storage.Store    // nil is one in memory with the channels
	authorize route.Authorizer // nil requires the secret for private channels
	buffer    int              // bytes that the kernel keeps for a reader that does not read; 0 leaves it to the system
	extra     func(feed *publisher.Feed) []publisher.Publisher
	seen      func() // called for each request that net/http reads
}

// site is a server with the publisher, behind CORS and a middleware that sets a header.
type site struct {
	*publishertest.Site
	*publishertest.Server
	publisher *Publisher
	served    publishertest.ServerOptions
	coding    string
	dialNginx func(ctx context.Context, network, addr string) (net.Conn, error)
}

func open(t *testing.T, o settings) *site {
	t.Helper()
	o.feed.Heartbeat = cmp.Or(o.feed.Heartbeat, time.Hour) // a test that takes long must not come upon one
	s := &site{
		Site: publishertest.NewSite(t, &publishertest.SiteOptions{Feed: o.feed, Store: o.store, Authorize: o.authorize}),
	}
	s.coding = o.coding
	s.publisher = New(s.Feed, &Options{Goroutines: o.goroutines, Lifetime: o.lifetime})
	s.Add(s.publisher)
	if o.extra != nil {
		for _, p := range o.extra(s.Feed) {
			s.Add(p)
		}
	}
	o.server.Buffer = o.buffer
	o.server.Handler = func(routes http.Handler) http.Handler {
		routes = route.NewOrigins("https://www.example.org").CORS(routes)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if o.seen != nil {
				o.seen()
			}
			w.Header().Set("Strict-Transport-Security", "max-age=60")
			routes.ServeHTTP(w, r)
		})
	}
	s.served = o.server
	s.Server = s.Serve(&s.served)
	s.HTTP.Transport.(*http.Transport).DisableCompression = true // decoded decompresses
	if s.served.HTTP2 {                                          // a reader that does not read stalls soon
		s.HTTP.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
	}
	return s
}

func (s *site) post(text string) motacilla.Post { return s.Post(match, text) }

func (s *site) head() motacilla.Revision { return s.Head(match) }

func (s *site) stats() *publisher.Stats { return s.Stats(name) }

// path returns the path of a channel, with a query.
func path(ch motacilla.ChannelID, query string) string {
	return "/live/sse/" + string(ch) + "/" + query
}

// stream is a reader's connection.
type stream struct {
	*eventStream
	resp *http.Response
	body io.Closer
}

func (s *site) begin(query string, header ...string) *stream {
	return s.beginOn(match, query, header...)
}

func (s *site) beginOn(ch motacilla.ChannelID, query string, header ...string) *stream {
	s.Helper()
	if s.coding != "" {
		header = append(header, "Accept-Encoding", s.coding)
	}
	resp := s.Do(http.MethodGet, path(ch, query), header...)
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %s", query, resp.Status)
	}
	if resp.ProtoMajor == 2 != s.served.HTTP2 {
		s.Fatalf("got an answer over %s", resp.Proto)
	}
	if got := resp.Header.Get("Content-Encoding"); got != s.coding {
		s.Fatalf("got the Content-Encoding %q, want %q", got, s.coding)
	}
	return &stream{newEventStream(decoded(resp)), resp, resp.Body}
}

// update returns the next event, which must be an update with its revision as id.
func (s *site) update(st *stream) *motacilla.Update {
	s.Helper()
	m, err := st.next()
	if err != nil {
		s.Fatalf("the stream ended: %v", err)
	}
	u := new(motacilla.Update)
	if err := u.UnmarshalJSON([]byte(m.Data)); err != nil {
		s.Fatalf("%v in %q", err, m.Data)
	}
	if m.Type != "" || m.ID != fmt.Sprint(int64(u.Revision)) {
		s.Fatalf("got an event of type %q with id %q, want no type and id %d", m.Type, m.ID, u.Revision)
	}
	return u
}

// change returns the next update that is not a heartbeat.
func (s *site) change(st *stream) *motacilla.Update {
	s.Helper()
	for {
		if u := s.update(st); !u.Heartbeat() {
			return u
		}
	}
}

// ends reads a stream to its end and returns the changes on the way.
func (s *site) ends(st *stream) (updates []*motacilla.Update) {
	s.Helper()
	for {
		m, err := st.next()
		if errors.Is(err, io.EOF) {
			return updates
		}
		if err != nil {
			s.Fatalf("the stream broke: %v", err)
		}
		u := new(motacilla.Update)
		if err := u.UnmarshalJSON([]byte(m.Data)); err != nil {
			s.Fatal(err)
		}
		if !u.Heartbeat() {
			updates = append(updates, u)
		}
	}
}

// texts returns the contents of an update's posts.
func texts(u *motacilla.Update) string {
	var list []string
	for _, r := range u.Renders {
		list = append(list, r.Content)
	}
	return strings.Join(list, " ")
}
