package publishertest

import (
	"context"
	"errors"
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

// The channels of a [Site], and Patience.
const (
	Channel motacilla.ChannelID = "match-42"      // a site's public channel
	Members motacilla.ChannelID = "members"       // a site's private channel
	Secret                      = "a long secret" // the token that reads it

	// Patience is how long a test waits for what should happen at once. It is long, since machines are slow under -race.
	Patience = 2 * time.Minute

	basePath = "/live"
)

// patience is Patience, and less in tests of broken publishers, which wait for what does not happen.
var patience = Patience

// SiteOptions are the settings of a [Site]; nil and zero fields mean the defaults.
type SiteOptions struct {
	Store     storage.Store   // nil is one in memory, with Channel and Members
	Clock     motacilla.Clock // of the store in memory
	Feed      publisher.FeedOptions
	Renderer  publisher.Renderer // nil renders a post as the text of its first block
	Authorize route.Authorizer   // nil requires Secret for private channels
}

// Site is a store, a feed and publishers, for the tests of publishers. [Site.Serve] serves it over HTTP. Its methods fail
// the test if something goes wrong.
type Site struct {
	testing.TB
	Store  storage.Store
	Source *Source // of the feed: Store, which can go out of reach
	Feed   *publisher.Feed
	Token  *route.Token
	Routes *route.Table // of the publishers, authorised

	authorize  route.Authorizer
	ownsStore  bool
	publishers []publisher.Publisher
	servers    []*Server
	shut       bool
	once       sync.Once
}

// NewSite returns a site without publishers. It is closed at the end of the test.
func NewSite(t testing.TB, o *SiteOptions) *Site {
	t.Helper()
	if o == nil {
		o = &SiteOptions{}
	}
	s := &Site{TB: t, Store: o.Store, Routes: route.NewTable(), authorize: o.Authorize}
	if s.Store == nil {
		s.Store, s.ownsStore = memory.New(&memory.Options{Clock: o.Clock}), true
		s.Create(Channel, motacilla.Public)
		s.Create(Members, motacilla.Private)
	}
	s.Source = &Source{Store: s.Store}
	s.Token = route.NewToken(Secret, s.Source.Channel, nil)
	if s.authorize == nil {
		s.authorize = s.Token.Authorize
	}
	renderer := o.Renderer
	if renderer == nil {
		renderer = text{}
	}
	s.Feed = publisher.NewFeed(s.Source, renderer, &o.Feed)
	if err := s.Feed.Start(t.Context()); err != nil {
		t.Fatalf("start feed: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// text renders a post as the text of its first block.
type text struct{}

func (text) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return p.Content[0].Text, nil }

// Add starts a publisher of the site's feed, adds its routes, and returns the pattern of the first one.
func (s *Site) Add(p publisher.Publisher) (pattern string) {
	s.Helper()
	if starter, ok := p.(publisher.Starter); ok {
		if err := starter.Start(s.Context()); err != nil {
			s.Fatalf("Start: %v", err)
		}
	}
	routes := p.URLs()
	if len(routes) == 0 {
		s.Fatal("URLs() returns no route")
	}
	for i := range routes {
		routes[i] = route.Guard(routes[i], route.Read, s.authorize)
	}
	if err := s.Routes.Add(routes[0].Name, basePath, routes...); err != nil {
		s.Fatalf("add routes: %v", err)
	}
	s.publishers = append(s.publishers, p)
	if m, ok := p.(*moving); ok {
		m.mount(s.Routes)
	}
	if pattern = routes[0].Pattern; !strings.HasPrefix(pattern, "/") {
		pattern = basePath + "/" + pattern
	}
	return strings.TrimRight(pattern, "/") + "/"
}

// Shutdown stops the publishers. It is an error if one takes too long, or ignores the end of its context.
func (s *Site) Shutdown() {
	s.Helper()
	s.shut = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, p := range s.publishers {
		if err := shutdown(ctx, p); err != nil {
			s.Errorf("Shutdown of %T: %v", p, err)
		}
	}
}

// shutdown calls Shutdown. It gives up if Shutdown does not return soon after the end of its context.
func shutdown(ctx context.Context, p publisher.Publisher) error {
	done := make(chan error, 1)
	go func() { done <- p.Shutdown(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return errors.New("does not return when its context has ended")
	}
}

// Close stops everything. A second call does nothing.
func (s *Site) Close() {
	s.once.Do(func() {
		if !s.shut {
			s.Shutdown()
		}
		for _, server := range s.servers {
			server.HTTP.CloseIdleConnections()
			server.Cut()
			server.Close()
		}
		_ = s.Feed.Close()
		if s.ownsStore {
			_ = s.Store.Close()
		}
	})
}

// Create makes a channel.
func (s *Site) Create(ch motacilla.ChannelID, access motacilla.Access) {
	s.Helper()
	_, err := s.Store.PutChannel(context.Background(), motacilla.Channel{ID: ch, Title: "A match", Access: access}, 0)
	if err != nil {
		s.Fatal(err)
	}
}

// EditChannel changes a channel.
func (s *Site) EditChannel(ch motacilla.ChannelID, edit func(*motacilla.Channel)) motacilla.Channel {
	s.Helper()
	c, err := storage.EditChannel(context.Background(), s.Store, ch, func(c *motacilla.Channel) error { edit(c); return nil })
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// Head returns the newest revision of a channel.
func (s *Site) Head(ch motacilla.ChannelID) motacilla.Revision {
	s.Helper()
	c, err := s.Store.Channel(context.Background(), ch)
	if err != nil {
		s.Fatal(err)
	}
	return c.Head
}

// Post writes a post. Its text is stored and sent as it is.
func (s *Site) Post(ch motacilla.ChannelID, text string) motacilla.Post {
	s.Helper()
	content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(text))}
	p, err := s.Store.PutPost(context.Background(), ch, motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// Edit changes a post.
func (s *Site) Edit(ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post)) motacilla.Post {
	s.Helper()
	p, err := storage.Edit(context.Background(), s.Store, ch, id, func(p *motacilla.Post) error { edit(p); return nil })
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// Remove deletes a post.
func (s *Site) Remove(ch motacilla.ChannelID, id motacilla.PostID) {
	s.Helper()
	if _, err := s.Store.DeletePost(context.Background(), ch, id, 0); err != nil {
		s.Fatal(err)
	}
}

// Stats returns the counters of a publisher.
func (s *Site) Stats(publisher string) *publisher.Stats { return s.Feed.Metrics().Of(publisher) }

// Eventually waits until cond is true.
func (s *Site) Eventually(what string, cond func() bool) {
	s.Helper()
	for late := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			s.Fatalf("not after %v: %s", patience, what)
		}
	}
}
