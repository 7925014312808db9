package publishertest

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

const (
	pageSize = 10 // small, so that resets are not complete
	catchUp  = 40
)

// Entry is one publisher of a Differential.
type Entry struct {
	New    New
	Follow Follow
}

// settings are what a case needs of its site; most cases need the zero value.
type settings struct {
	authorize route.Authorizer      // nil lets everybody read
	feed      publisher.FeedOptions // PageSize and CatchUp are the suite's; Stall is more than a busy machine takes
	rest      time.Duration         // a reader waits at most so long until it asks again; 20 ms
	tls       bool                  // set by RunTLS
}

// site is a Site with readers.
type site struct {
	*Site
	settings
	parts    map[string]*part
	requests requests
	main     *Server
	end      sync.Once

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
	if o.authorize == nil {
		o.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return route.Grant{}, nil }
	}
	o.rest = cmp.Or(o.rest, 20*time.Millisecond)
	feed := o.feed
	feed.PageSize, feed.CatchUp = pageSize, catchUp
	feed.Heartbeat = cmp.Or(feed.Heartbeat, 200*time.Millisecond)
	feed.Repair = cmp.Or(feed.Repair, 50*time.Millisecond)
	feed.Stall = cmp.Or(feed.Stall, 10*time.Second)
	s := &site{
		Site:     NewSite(t, &SiteOptions{Feed: feed, Renderer: renderer{}, Authorize: o.authorize}),
		settings: o, parts: map[string]*part{},
	}
	for name, e := range entries {
		p := e.New(t, s.Feed)
		pattern := s.Add(p)
		s.parts[name] = &part{p, e.Follow, pattern, s.Stats(p.URLs()[0].Name)}
	}
	s.main = s.door(false, 0)
	t.Cleanup(s.close)
	return s
}

// url is where a publisher's readers of a channel go.
func (s *site) url(d *Server, name string, ch motacilla.ChannelID) string {
	return d.URL + strings.Replace(s.parts[name].pattern, "{channel_id}", string(ch), 1)
}

// cut breaks every connection there is.
func (s *site) cut() {
	for _, server := range s.servers {
		server.Cut()
	}
}

func (s *site) close() {
	s.end.Do(func() {
		s.Shutdown()
		for _, r := range s.readers {
			r.close()
		}
		s.Close()
		for _, complaint := range s.requests.complaints() {
			s.Error(complaint)
		}
	})
}

// mover is the store, which is in memory and can move channels.
func (s *site) mover() storage.Mover { return s.Store.(storage.Mover) }
