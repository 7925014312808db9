package grip_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/grip"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// proxied is a site with a Pushpin in front of it.
type proxied struct {
	*publishertest.Site
	server  *publishertest.Server
	pushpin *realserver.Pushpin
	relay   *relay.Relay
	path    string
	up      gate
}

func newProxied(t *testing.T) *proxied {
	t.Helper()
	s := &proxied{Site: publishertest.NewSite(t, nil)}
	s.server = s.Serve(nil)
	s.pushpin = realserver.NewPushpin(t, strings.TrimPrefix(s.server.URL, "http://"))
	hubs := relay.NewClient()
	t.Cleanup(hubs.Close)
	kit := &relay.Kit{Feed: s.Feed, Source: s.Source, Hubs: hubs}
	p, err := grip.New(kit, options(s.pushpin, relay.Options{Name: "grip", Private: true}))
	if err != nil {
		t.Fatal(err)
	}
	s.relay, s.path = p.Relay, s.Add(p)
	s.Eventually("the relay leads", func() bool { return s.relay.Status().Leading })
	return s
}

func (s *proxied) url(ch motacilla.ChannelID) string {
	return "http://" + s.pushpin.Addr + strings.Replace(s.path, "{channel_id}", string(ch), 1)
}

// reader is a browser's EventSource: it returns with the last event's ID, and asks for nothing else.
type reader struct {
	mu     sync.Mutex
	view   motacilla.View
	gaps   []string
	last   error
	ended  int
	cancel context.CancelFunc
	over   chan struct{}
}

func (s *proxied) follow(ch motacilla.ChannelID, token string) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{cancel: cancel, over: make(chan struct{})}
	go func() {
		defer close(r.over)
		for ctx.Err() == nil {
			s.up.pass(ctx)
			r.connect(ctx, s.url(ch), token)
		}
	}()
	s.Cleanup(r.close)
	return r
}

func (r *reader) close() {
	r.cancel()
	<-r.over
}

func (r *reader) connect(ctx context.Context, url, token string) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	r.mu.Lock()
	if r.view.Revision > 0 {
		header.Set("Last-Event-ID", r.view.Revision.String())
	}
	r.mu.Unlock()
	first := true
	for u, err := range events(ctx, url, header, func() {}) {
		r.mu.Lock()
		if err != nil {
			r.last = err
			r.ended++
		} else if before := r.view.Revision; r.view.Apply(u, first) {
			r.gaps = append(r.gaps, fmt.Sprintf("at %d came %d to %d", before, u.From, u.Revision))
		}
		r.mu.Unlock()
		first = false
	}
}

func (r *reader) read(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// has waits until all readers have what the store has. The proxy has not sent anything that did not fit.
func (s *proxied) has(ch motacilla.ChannelID, readers ...*reader) {
	s.Helper()
	head := s.Head(ch)
	for _, r := range readers {
		s.Eventually("a reader has everything", func() (there bool) {
			r.read(func() { there = r.view.Revision >= head })
			return there
		})
		r.read(func() {
			if len(r.gaps) > 0 {
				s.Errorf("what came did not fit: %v", r.gaps)
			}
		})
	}
}

// begun waits until all readers have had their first update. Connections that end are counted from then on.
func (s *proxied) begun(readers ...*reader) {
	s.Helper()
	for _, r := range readers {
		s.Eventually("a reader has begun", func() (there bool) {
			r.read(func() { there = r.view.Revision > 0 })
			return there
		})
		r.read(func() { r.ended = 0 })
	}
}

// TestReaders has readers join while posts come. What comes between the origin's answer and the proxy's hold, the proxy asks for.
func TestReaders(t *testing.T) {
	s := newProxied(t)
	ch := publishertest.Channel
	var readers []*reader
	for i := range 20 {
		readers = append(readers, s.follow(ch, ""))
		p := s.Post(ch, fmt.Sprintf("Goal %d", i))
		if i%3 == 0 {
			s.Edit(ch, p.ID, func(p *motacilla.Post) { p.Pinned = true })
		}
	}
	s.has(ch, readers...)
	s.up.Lock()
	s.pushpin.Kill()
	s.Post(ch, "While the proxy is away")
	s.pushpin.Restart(t)
	s.up.Unlock()
	s.has(ch, readers...)
}

// TestGap: what the proxy did not get it asks for.
func TestGap(t *testing.T) {
	s := newProxied(t)
	ch := publishertest.Channel
	a, b := s.follow(ch, ""), s.follow(ch, "")
	s.begun(a, b)
	s.Post(ch, strings.Repeat("long ", 2*maxBytes/5))
	s.has(ch, a, b)
	s.Post(ch, "short")
	s.has(ch, a, b)
	for _, r := range []*reader{a, b} {
		r.read(func() {
			if r.ended > 0 {
				t.Errorf("a connection has ended %d times, last with %v", r.ended, r.last)
			}
		})
	}
}

// TestPrivate: a private channel is for those who may read it, and the proxy may ask for them.
func TestPrivate(t *testing.T) {
	s := newProxied(t)
	ch := publishertest.Members
	for _, token := range []string{"", "wrong"} {
		header := http.Header{"Authorization": {"Bearer " + token}}
		for _, err := range events(t.Context(), s.url(ch), header, func() {}) {
			if err == nil || !strings.Contains(err.Error(), "status 403") {
				t.Errorf("with the token %q: %v", token, err)
			}
			break
		}
	}
	r := s.follow(ch, publishertest.Secret)
	s.begun(r)
	s.Post(ch, "A secret")
	s.has(ch, r)
	s.Post(ch, strings.Repeat("long ", 2*maxBytes/5))
	s.has(ch, r)
	r.read(func() {
		if r.ended > 0 {
			t.Errorf("the connection has ended %d times, last with %v", r.ended, r.last)
		}
	})
}

// TestBecomesPrivate: who reads a channel because it is public hears nothing more when it is private.
func TestBecomesPrivate(t *testing.T) {
	s := newProxied(t)
	ch := publishertest.Channel
	public := s.follow(ch, "")
	s.begun(public)
	s.Post(ch, "For all")
	s.has(ch, public)
	s.EditChannel(ch, func(c *motacilla.Channel) { c.Access = motacilla.Private })
	head := s.Head(ch)
	member := s.follow(ch, publishertest.Secret)
	s.begun(member)
	s.Post(ch, "A secret")
	s.has(ch, member)
	public.read(func() {
		if public.view.Revision >= head {
			t.Error("a reader without permission has what came after the channel had become private")
		}
	})
}

// TestGone: the stream of a channel that is deleted ends.
func TestGone(t *testing.T) {
	s := newProxied(t)
	ch := publishertest.Channel
	r := s.follow(ch, "")
	s.begun(r)
	s.Post(ch, "Goal")
	s.has(ch, r)
	if _, err := s.Store.DeleteChannel(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	s.Eventually("the reader is told, and its connection ends", func() (there bool) {
		r.read(func() { there = r.view.Gone && r.ended > 0 })
		return there
	})
}

// TestNotProxied: who does not come through the proxy is told to use another transport.
func TestNotProxied(t *testing.T) {
	s := newProxied(t)
	path := strings.Replace(s.path, "{channel_id}", string(publishertest.Channel), 1)
	for name, header := range map[string][]string{
		"none":       nil,
		"forged":     {"Grip-Sig", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJwdXNocGluIiwiZXhwIjo0MTAyNDQ0ODAwfQ."},
		"other key":  {"Grip-Sig", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJwdXNocGluIiwiZXhwIjo0MTAyNDQ0ODAwfQ.1nVYq2WzB9nqUuXl0cYw3m5Qj3p6y4oB0c2fLZ9m0yA"},
		"none, next": {"Grip-Last", "live-match-42; last-id=1"},
	} {
		resp := s.server.Do(http.MethodGet, path, header...)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotImplemented || resp.Header.Get("Grip-Hold") != "" {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
}
