package publishertest

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const channel motacilla.ChannelID = "match-42"

const (
	basePath = "/live"
	pageSize = 10 // small, so that resets are not complete
	catchUp  = 40
)

// Entry is one publisher of a Differential.
type Entry struct {
	New    New
	Follow Follow
}

// settings are how a case wants its site; the zero value is what most do.
type settings struct {
	authorize route.Authorizer      // nil lets everybody read
	feed      publisher.FeedOptions // PageSize, CatchUp and Stall are the suite's
	rest      time.Duration         // the longest that a reader waits until it asks again; 20 ms
}

// site is a server with publishers on one feed of one store in memory.
type site struct {
	settings
	source   *source
	feed     *publisher.Feed
	table    *route.Table
	parts    map[string]*part
	requests requests
	main     *door
	doors    []*door
	once     sync.Once

	readers []*reader // the test's own; closed before goroutines are counted
}

// part is one publisher of a site.
type part struct {
	publisher publisher.Publisher
	follow    Follow
	pattern   string
	stats     *publisher.Stats
}

func open(t *testing.T, entries map[string]Entry, o settings) *site {
	t.Helper()
	store := memory.New(nil)
	s := &site{settings: o, source: &source{Store: store}, parts: map[string]*part{}, table: route.NewTable()}
	if s.authorize == nil {
		s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{}, nil
		}
	}
	s.rest = cmp.Or(s.rest, 20*time.Millisecond)
	options := o.feed
	options.PageSize, options.CatchUp, options.Stall = pageSize, catchUp, 2*time.Second
	options.Heartbeat = cmp.Or(options.Heartbeat, 200*time.Millisecond)
	options.Repair = cmp.Or(options.Repair, 50*time.Millisecond)
	s.feed = publisher.NewFeed(s.source, renderer{}, &options)
	if err := s.feed.Start(t.Context()); err != nil {
		t.Fatalf("start feed: %v", err)
	}
	for name, e := range entries {
		p := e.New(t, s.feed)
		if starter, ok := p.(publisher.Starter); ok {
			if err := starter.Start(t.Context()); err != nil {
				t.Fatalf("Start: %v", err)
			}
		}
		routes := p.URLs()
		if len(routes) == 0 {
			t.Fatal("URLs() returns no route")
		}
		for i := range routes {
			routes[i] = route.Guard(routes[i], route.Read, s.authorize)
		}
		if err := s.table.Add(name, basePath, routes...); err != nil {
			t.Fatalf("mount: %v", err)
		}
		pattern := routes[0].Pattern
		if !strings.HasPrefix(pattern, "/") {
			pattern = basePath + "/" + pattern
		}
		s.parts[name] = &part{p, e.Follow, strings.TrimRight(pattern, "/") + "/", s.feed.Metrics().Of(routes[0].Name)}
	}
	s.main = s.door(t, false, 0)
	t.Cleanup(func() { s.close(t) })
	s.create(t, channel)
	return s
}

// url is where a publisher's readers of a channel go.
func (s *site) url(d *door, name string, ch motacilla.ChannelID) string {
	return d.server.URL + strings.Replace(s.parts[name].pattern, "{channel_id}", string(ch), 1)
}

// cut breaks every connection there is.
func (s *site) cut() {
	for _, d := range s.doors {
		d.cut()
	}
}

// shutdown stops the publishers and fails the test where one takes too long, or does not mind its context.
func (s *site) shutdown(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience/4)
	defer cancel()
	for name, p := range s.parts {
		if err := shutdown(ctx, p.publisher); err != nil {
			t.Errorf("%s: Shutdown: %v", name, err)
		}
	}
}

func (s *site) close(t *testing.T) {
	s.once.Do(func() {
		s.shutdown(t)
		for _, r := range s.readers {
			r.close()
		}
		s.cut()
		for _, d := range s.doors {
			d.server.Close()
		}
		_ = s.feed.Close()
		_ = s.source.Store.Close()
		for _, complaint := range s.requests.complaints() {
			t.Error(complaint)
		}
	})
}

func (s *site) store() storage.Store { return s.source.Store }

// mover is the same store, which is in memory and can move channels.
func (s *site) mover() storage.Mover { return s.source.Store.(storage.Mover) }

func (s *site) create(t testing.TB, ch motacilla.ChannelID) {
	t.Helper()
	if _, err := s.store().PutChannel(t.Context(), motacilla.Channel{ID: ch, Title: "A match"}, 0); err != nil {
		t.Fatal(err)
	}
}

func (s *site) post(t testing.TB, ch motacilla.ChannelID, text string) motacilla.Post {
	t.Helper()
	content := []motacilla.Block{motacilla.Text(text)}
	p, err := s.store().PutPost(t.Context(), ch, motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) edit(t testing.TB, p motacilla.Post, edit func(*motacilla.Post)) motacilla.Post {
	t.Helper()
	p, err := storage.Edit(t.Context(), s.store(), channel, p.ID, func(p *motacilla.Post) error { edit(p); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) remove(t testing.TB, p motacilla.Post) {
	t.Helper()
	if _, err := s.store().DeletePost(t.Context(), channel, p.ID, 0); err != nil {
		t.Fatal(err)
	}
}

func (s *site) head(t testing.TB) motacilla.Revision {
	t.Helper()
	return s.headOf(t, channel)
}

func (s *site) headOf(t testing.TB, ch motacilla.ChannelID) motacilla.Revision {
	t.Helper()
	c, err := s.store().Channel(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	return c.Head
}

// setAccess makes the channel public or private.
func (s *site) setAccess(t testing.TB, access motacilla.Access) motacilla.Revision {
	t.Helper()
	c, err := storage.EditChannel(t.Context(), s.store(), channel, func(c *motacilla.Channel) error {
		c.Access = access
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.Head
}

// eventually waits until cond holds, or fails the test.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !cond(); {
		if time.Now().After(late) {
			t.Fatalf("not after %v: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
