package e2e

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const channel motacilla.ChannelID = "match"

// stack is a server made of the real parts. It can be stopped and started again with the same address and store.
type stack struct {
	t       *testing.T
	store   *memory.Store
	names   []string
	addr    string
	wire    wire // to addr
	url     string
	origins *route.Origins // of other sites that may read
	look    *page.Look     // nil is the look without options
	more    []route.Route  // routes besides those of publishers and pages
	beat    time.Duration  // between heartbeats of a stream; 0 is the default
	// gate gets requests for updates and for the list of transports. If it returns false, it has answered the request.
	gate func(w http.ResponseWriter, r *http.Request) bool
	stop func()
	feed *publisher.Feed

	asked, unchanged atomic.Int64 // requests for updates, and answers of 304
}

func newStack(t *testing.T, names ...string) *stack {
	t.Helper()
	s := &stack{t: t, store: memory.New(nil), names: names, addr: realserver.FreeAddress(t), wire: usual()}
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: channel, Title: "The match"}, 0); err != nil {
		t.Fatal(err)
	}
	return s
}

// site returns the URL of the server.
func (s *stack) site() string { return s.wire.url(s.addr) }

func (s *stack) start() {
	s.t.Helper()
	if s.look == nil {
		look, err := page.NewLook(page.LookOptions{})
		if err != nil {
			s.t.Fatal(err)
		}
		s.look = look
	}
	feed := publisher.NewFeed(s.store, s.look.Renderer(), nil)
	if err := feed.Start(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	s.feed = feed
	table := route.NewTable()
	var publishers []publisher.Publisher
	for _, name := range s.names {
		var p publisher.Publisher
		switch name {
		case "sse":
			p = sse.New(feed, nil)
		case "websocket":
			p = websocket.New(feed, nil)
		case "long-polling":
			p = polling.NewLong(feed, nil)
		default:
			p = polling.NewInterval(feed, &polling.IntervalOptions{Interval: 200 * time.Millisecond})
		}
		publishers = append(publishers, p)
		if err := table.Add(name, "/live", p.URLs()...); err != nil {
			s.t.Fatal(err)
		}
	}
	snapshot := func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		step, err := feed.Snapshot(ctx, ch)
		if err != nil {
			return nil, err
		}
		return step.Update, nil
	}
	live := page.New(s.store, snapshot, &page.Options{Heartbeat: s.beat, Look: s.look, Transports: func(ch motacilla.ChannelID) []page.Transport {
		var list []page.Transport
		for _, name := range s.names {
			url, err := table.URL(name, string(ch))
			if err != nil {
				s.t.Error(err)
			}
			list = append(list, page.Transport{Name: name, URL: url})
		}
		return list
	}})
	if err := table.Add("page", "/", live.URLs()...); err != nil {
		s.t.Fatal(err)
	}
	if err := table.Add("more", "/", s.more...); err != nil {
		s.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.url = s.site() + "/channels/" + string(channel)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			live := strings.HasPrefix(r.URL.Path, "/live/")
			if s.gate != nil && (live || strings.HasSuffix(r.URL.Path, "/transports")) && !s.gate(w, r) {
				return
			}
			if live {
				s.asked.Add(1)
				w = &counter{w, &s.unchanged}
			}
			s.origins.CORS(table).ServeHTTP(w, r)
		})}
	done, wired := make(chan struct{}), s.wire.listener(server, listener)
	go func() { defer close(done); _ = server.Serve(wired) }()
	s.stop = func() {
		for _, p := range publishers {
			_ = p.Shutdown(context.Background())
		}
		_ = server.Close()
		<-done
		_ = feed.Close()
		s.stop = func() {}
	}
	s.t.Cleanup(func() { s.stop() })
}

func (s *stack) post(text string) motacilla.PostID {
	s.t.Helper()
	content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(text))}
	p, err := s.store.PutPost(s.t.Context(), channel, motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return p.ID
}

func (s *stack) edit(id motacilla.PostID, edit func(p *motacilla.Post)) {
	s.t.Helper()
	_, err := storage.Edit(s.t.Context(), s.store, channel, id, func(p *motacilla.Post) error { edit(p); return nil })
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) remove(id motacilla.PostID) {
	s.t.Helper()
	if _, err := s.store.DeletePost(s.t.Context(), channel, id, 0); err != nil {
		s.t.Fatal(err)
	}
}

// counter counts the answers that are 304.
type counter struct {
	http.ResponseWriter
	unchanged *atomic.Int64
}

func (c *counter) WriteHeader(status int) {
	if status == http.StatusNotModified {
		c.unchanged.Add(1)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
