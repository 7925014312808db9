package polling_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const match motacilla.ChannelID = "match-42"

type textRenderer struct{}

func (textRenderer) RenderPost(p motacilla.Post) (string, error) {
	return "<p>" + p.Content[0].Text + "</p>", nil
}

// render is a post as readers have it.
func render(p motacilla.Post) string {
	if !p.Show {
		return motacilla.Stub(p.ID)
	}
	html, _ := textRenderer{}.RenderPost(p)
	return html
}

// flaky is a store that can go out of reach, and counts the reads of readers.
type flaky struct {
	*memory.Store
	down  atomic.Bool
	reads atomic.Int64
}

func (f *flaky) ask() error {
	f.reads.Add(1)
	if f.down.Load() {
		return motacilla.ErrUnavailable
	}
	return nil
}

func (f *flaky) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := f.ask(); err != nil {
		return motacilla.Channel{}, err
	}
	return f.Store.Channel(ctx, id)
}

func (f *flaky) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	if err := f.ask(); err != nil {
		return motacilla.Page{}, err
	}
	return f.Store.Posts(ctx, ch, q)
}

func (f *flaky) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	if err := f.ask(); err != nil {
		return motacilla.Changes{}, err
	}
	return f.Store.Changes(ctx, ch, since, limit)
}

// site serves both publishers on a channel.
type site struct {
	store     *memory.Store
	source    *flaky
	feed      *publisher.Feed
	table     *route.Table
	server    *httptest.Server
	polls     *polling.Interval
	holds     *polling.Long
	authorize route.Authorizer // nil lets everybody in
}

// open serves over HTTP.
func open(t testing.TB, clock motacilla.Clock, i *polling.IntervalOptions, l *polling.LongOptions) *site {
	s := build(t, clock, i, l)
	s.server = httptest.NewServer(s.table)
	t.Cleanup(func() {
		s.server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	t.Cleanup(func() { _ = s.holds.Shutdown(context.Background()) }) // before the server, which waits for those who wait
	return s
}

// build is open without a server.
func build(t testing.TB, clock motacilla.Clock, i *polling.IntervalOptions, l *polling.LongOptions) *site {
	store := memory.New(&memory.Options{Clock: clock})
	s := &site{store: store, source: &flaky{Store: store}, table: route.NewTable()}
	s.feed = publisher.NewFeed(s.source, textRenderer{}, nil)
	if err := s.feed.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.feed.Close()
		_ = store.Close()
	})
	s.polls, s.holds = polling.NewInterval(s.feed, i), polling.NewLong(s.feed, l)
	hook := func(r *http.Request, ch motacilla.ChannelID, a route.Action) (route.Grant, error) {
		if s.authorize == nil {
			return route.Grant{}, nil
		}
		return s.authorize(r, ch, a)
	}
	for _, rt := range append(s.polls.URLs(), s.holds.URLs()...) {
		if err := s.table.Add(rt.Name, "/live", route.Guard(rt, route.Read, hook)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: match, Title: "A match"}, 0); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) interval() string {
	return s.server.URL + "/live/interval-polling/" + string(match) + "/"
}

func (s *site) long() string { return s.server.URL + "/live/long-polling/" + string(match) + "/" }

func (s *site) post(t testing.TB, text string) motacilla.Post {
	t.Helper()
	p, err := s.store.PutPost(context.Background(), match, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(text)}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) head(t testing.TB) motacilla.Revision {
	t.Helper()
	c, err := s.store.Channel(context.Background(), match)
	if err != nil {
		t.Fatal(err)
	}
	return c.Head
}
