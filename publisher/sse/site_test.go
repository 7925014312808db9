package sse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	match    = motacilla.ChannelID("match-42")
	members  = motacilla.ChannelID("members")
	secret   = "a long secret"
	patience = 20 * time.Second // machines are slow under -race
)

// source is a store that can go out of reach.
type source struct {
	storage.Store
	down atomic.Bool
}

func (s *source) err() error {
	if s.down.Load() {
		return fmt.Errorf("the test's outage: %w", motacilla.ErrUnavailable)
	}
	return nil
}

func (s *source) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := s.err(); err != nil {
		return motacilla.Channel{}, err
	}
	return s.Store.Channel(ctx, id)
}

func (s *source) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	if err := s.err(); err != nil {
		return motacilla.Page{}, err
	}
	return s.Store.Posts(ctx, ch, q)
}

func (s *source) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	if err := s.err(); err != nil {
		return motacilla.Changes{}, err
	}
	return s.Store.Changes(ctx, ch, since, limit)
}

func (s *source) Heads(
	ctx context.Context, chs []motacilla.ChannelID,
) (map[motacilla.ChannelID]motacilla.Revision, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Heads(ctx, chs)
}

type plain struct{}

func (plain) RenderPost(p motacilla.Post) (string, error) { return p.Content[0].Text, nil }

// connection is how readers are connected. The zero value is TCP, with readers on the epoll engine.
type connection struct {
	name                      string
	goroutines                bool // a goroutine per connection
	tls, http2, wrapped, unix bool
}

// each runs a test over every kind of connection.
func each(t *testing.T, test func(t *testing.T, c connection)) {
	for _, c := range []connection{
		{name: "epoll engine"},
		{name: "goroutine per connection", goroutines: true},
		{name: "TLS", tls: true},
		{name: "HTTP/2", tls: true, http2: true},
		{name: "wrapped socket", wrapped: true},
		{name: "Unix socket", unix: true},
	} {
		t.Run(c.name, func(t *testing.T) { test(t, c) })
	}
}

// settings are how a test wants its site.
type settings struct {
	connection
	lifetime  time.Duration
	feed      publisher.FeedOptions
	store     storage.Store    // nil is one in memory with the channels
	authorize route.Authorizer // nil is the default one, with secret
	buffer    int              // what the kernel holds of what is written to a reader, in bytes; 0 leaves it alone
	extra     func(feed *publisher.Feed) []publisher.Publisher
	seen      func() // called for each request that net/http reads
	accepted  func() // called for each connection
}

// site is a server with the publisher, behind the guard and CORS.
type site struct {
	*testing.T
	settings
	source    *source
	feed      *publisher.Feed
	publisher *Publisher
	others    []publisher.Publisher
	server    *httptest.Server
	client    *http.Client
	front     string // the address of a proxy before the server
	owned     bool   // the store is the site's
	closed    bool
}

// wrapped is a listener whose connections are not plain sockets.
type wrapped struct{ net.Listener }

type wrappedConn struct{ net.Conn }

func (l wrapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wrappedConn{conn}, nil
}

func open(t *testing.T, o settings) *site {
	t.Helper()
	s := &site{T: t, settings: o}
	if s.owned = o.store == nil; s.owned {
		s.store = memory.New(nil)
	}
	s.source = &source{Store: s.store}
	if s.owned {
		s.create(match, motacilla.Public)
		s.create(members, motacilla.Private)
	}
	s.feed = publisher.NewFeed(s.source, plain{}, &o.feed)
	if err := s.feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	token := route.NewToken(secret, s.source.Channel, nil)
	if s.authorize == nil {
		s.authorize = token.Authorize
	}
	s.publisher = New(s.feed, &Options{Goroutines: o.goroutines, Lifetime: o.lifetime})
	table := route.NewTable()
	if o.extra != nil {
		s.others = o.extra(s.feed)
	}
	for i, p := range append([]publisher.Publisher{s.publisher}, s.others...) {
		for _, rt := range p.URLs() {
			if err := table.Add(fmt.Sprint(name, i), "/live", route.Guard(rt, route.Read, s.authorize)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cors := route.NewOrigins("https://www.example.org").CORS(table)
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.seen != nil {
			s.seen()
		}
		w.Header().Set("Strict-Transport-Security", "max-age=60")
		cors.ServeHTTP(w, r)
	}))
	s.listen(o)
	t.Cleanup(s.close)
	return s
}

func (s *site) listen(o settings) {
	s.Helper()
	if o.unix {
		_ = s.server.Listener.Close()
		l, err := net.Listen("unix", filepath.Join(s.TempDir(), "s"))
		if err != nil {
			s.Fatal(err)
		}
		s.server.Listener = l
	}
	if o.wrapped {
		s.server.Listener = wrapped{s.server.Listener}
	}
	s.server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if _, again := c.(*net.TCPConn); again && state == http.StateNew && s.accepted != nil { // not one given back
			s.accepted()
		}
		if tcp, ok := c.(interface{ SetWriteBuffer(int) error }); ok && state == http.StateNew && o.buffer > 0 {
			_ = tcp.SetWriteBuffer(o.buffer)
		}
	}
	s.server.EnableHTTP2 = o.http2
	if o.tls {
		s.server.StartTLS()
		s.client = s.server.Client()
		return
	}
	s.server.Start()
	s.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			addr := s.server.Listener.Addr()
			return net.Dial(addr.Network(), addr.String())
		},
	}}
}

func (s *site) close() {
	if s.closed {
		return
	}
	s.closed = true
	s.client.CloseIdleConnections()
	s.shutdown()
	s.server.CloseClientConnections()
	s.server.Close()
	_ = s.feed.Close()
	if s.owned {
		_ = s.source.Close()
	}
}

func (s *site) shutdown() {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, p := range append([]publisher.Publisher{s.publisher}, s.others...) {
		if err := p.Shutdown(ctx); err != nil {
			s.Errorf("Shutdown: %v", err)
		}
	}
}

func (s *site) create(ch motacilla.ChannelID, access motacilla.Access) {
	s.Helper()
	_, err := s.source.PutChannel(context.Background(), motacilla.Channel{ID: ch, Title: "A match", Access: access}, 0)
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) post(text string) motacilla.Post { return s.postTo(match, text) }

func (s *site) postTo(ch motacilla.ChannelID, text string) motacilla.Post {
	s.Helper()
	content := []motacilla.Block{motacilla.Text(text)}
	p, err := s.source.PutPost(context.Background(), ch, motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *site) head() motacilla.Revision {
	s.Helper()
	c, err := s.store.Channel(context.Background(), match)
	if err != nil {
		s.Fatal(err)
	}
	return c.Head
}

func (s *site) stats() *publisher.Stats { return s.feed.Metrics().Of(name) }

// eventually waits until cond holds.
func (s *site) eventually(what string, cond func() bool) {
	s.Helper()
	for late := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			s.Fatalf("not after %v: %s", patience, what)
		}
	}
}

// path is that of a channel's readers, with a query.
func path(ch motacilla.ChannelID, query string) string {
	return "/live/sse/" + string(ch) + "/" + query
}

// request sends a request over the site's kind of connection. Headers are in pairs.
func (s *site) request(method, target string, header ...string) *http.Response {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	s.Cleanup(cancel)
	base := s.server.URL
	switch {
	case s.unix:
		base = "http://live.example"
	case s.front != "":
		base = "http://" + s.front
	}
	req, err := http.NewRequestWithContext(ctx, method, base+target, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = resp.Body.Close() })
	return resp
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
	resp := s.request(http.MethodGet, path(ch, query), header...)
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %s", query, resp.Status)
	}
	if resp.ProtoMajor == 2 != s.http2 {
		s.Fatalf("the answer is %s", resp.Proto)
	}
	return &stream{newEventStream(resp.Body), resp, resp.Body}
}

// update returns the next event, which has to be an update with its revision as id.
func (s *site) update(st *stream) *motacilla.Update {
	s.Helper()
	m, err := st.next()
	if err != nil {
		s.Fatalf("the stream ends: %v", err)
	}
	u := new(motacilla.Update)
	if err := u.UnmarshalJSON([]byte(m.Data)); err != nil {
		s.Fatalf("%v in %q", err, m.Data)
	}
	if m.Type != "" || m.ID != fmt.Sprint(int64(u.Revision)) {
		s.Fatalf("the event has type %q and id %q, the update revision %d", m.Type, m.ID, u.Revision)
	}
	return u
}

// change returns the next update that is no heartbeat.
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
			s.Fatalf("the stream breaks: %v", err)
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

// dial is a connection for HTTP/1, over TLS where the site has it.
func (s *site) dial() net.Conn {
	s.Helper()
	addr := s.server.Listener.Addr()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		s.Fatal(err)
	}
	if s.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	s.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	return conn
}

// texts are an update's contents.
func texts(u *motacilla.Update) string {
	var list []string
	for _, r := range u.Renders {
		list = append(list, r.Content)
	}
	return strings.Join(list, " ")
}
