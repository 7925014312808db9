// Package hubs_test has the Go client follow channels through real hubs, and over the server's own transports.
package hubs_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/centrifugo"
	"github.com/motacilla-live/motacilla/publisher/mercure"
	"github.com/motacilla-live/motacilla/publisher/nchan"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/pusher"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func TestMain(m *testing.M) { realserver.Main(m) }

// linkKey is the secret of nginx's secure links.
const linkKey = "motacilla-link-key"

const locations = `
	location ~ ^/publish/(.+)$ {
		nchan_publisher http;
		nchan_channel_id $1;
	}
	location ~ ^/live/(.+)$ {
		nchan_subscriber eventsource;
		nchan_subscriber_first_message newest;
		nchan_channel_id $1;
	}
	location ~ ^/members/(.+)$ {
		secure_link $arg_md5,$arg_expires;
		secure_link_md5 "$secure_link_expires$uri ` + linkKey + `";
		if ($secure_link != "1") { return 403; }
		nchan_subscriber eventsource;
		nchan_subscriber_first_message newest;
		nchan_channel_id members/$1;
	}
`

// hub is one, and the publisher for it. The publisher pushes to at.
type hub struct {
	name    string
	address string // with its scheme
	Kill    func()
	Restart func(t testing.TB)
	publish func(kit *relay.Kit, at string, o relay.Options, r relay.ReaderOptions) (publisher.Publisher, error)
}

// startHubs starts one of each.
func startHubs(t *testing.T) []*hub {
	t.Helper()
	m := realserver.NewMercure(t, nil)
	c := realserver.NewCentrifugo(t)
	n := realserver.NewNchan(t, locations)
	s := realserver.NewSoketi(t)
	const hubPath = "/.well-known/mercure"
	return []*hub{
		{"mercure", strings.TrimSuffix(m.URL, hubPath), m.Kill, m.Restart, func(kit *relay.Kit, at string, o relay.Options, r relay.ReaderOptions) (publisher.Publisher, error) {
			r.Readers = m.URL
			return mercure.New(kit, &mercure.Options{Options: o, ReaderOptions: r, URL: at + hubPath,
				Key: realserver.MercurePublisherKey, SubscriberKey: realserver.MercureSubscriberKey})
		}},
		{"centrifugo", c.URL, c.Kill, c.Restart, func(kit *relay.Kit, at string, o relay.Options, r relay.ReaderOptions) (publisher.Publisher, error) {
			r.Readers = c.URL
			return centrifugo.New(kit, &centrifugo.Options{Options: o, ReaderOptions: r, URL: at + "/api",
				Key: realserver.CentrifugoAPIKey, TokenKey: realserver.CentrifugoTokenKey})
		}},
		{"nchan", "http://" + n.Addr, n.Kill, n.Restart, func(kit *relay.Kit, at string, o relay.Options, r relay.ReaderOptions) (publisher.Publisher, error) {
			r.Readers = "http://" + n.Addr + "/live/{channel}"
			return nchan.New(kit, &nchan.Options{Options: o, ReaderOptions: r, URL: at + "/publish/{channel}",
				PrivateURL: at + "/publish/members/{channel}", PrivateReaders: "http://" + n.Addr + "/members/{channel}", ReadersKey: linkKey})
		}},
		{"pusher", "http://" + s.Addr, s.Kill, s.Restart, func(kit *relay.Kit, at string, o relay.Options, r relay.ReaderOptions) (publisher.Publisher, error) {
			r.Readers = "ws://" + s.Addr
			return pusher.New(kit, &pusher.Options{Options: o, ReaderOptions: r, URL: at,
				AppID: realserver.SoketiApp, Key: realserver.SoketiKey, Secret: realserver.SoketiSecret})
		}},
	}
}

// site is one whose updates are pushed to all hubs.
type site struct {
	*publishertest.Site
	*publishertest.Server
	hubs    []*hub
	proxies []*lossy
}

// open makes a site with other publishers. check is when a reader asks if its hub is silent, and rate that of faults.
func open(t *testing.T, hubs []*hub, check time.Duration, rate float64, others func(f *publisher.Feed) map[string]publisher.Publisher) *site {
	t.Helper()
	s := &site{hubs: hubs, Site: publishertest.NewSite(t, &publishertest.SiteOptions{Feed: publisher.FeedOptions{
		Heartbeat: time.Second, Repair: 50 * time.Millisecond, PageSize: 10, CatchUp: 40,
	}})}
	outward := relay.NewClient()
	t.Cleanup(outward.Close)
	kit := &relay.Kit{Feed: s.Feed, Source: s.Source, Hubs: outward, Client: outward}
	for _, h := range hubs {
		proxy := newLossy(t, h.address, rate)
		s.proxies = append(s.proxies, proxy)
		o := relay.Options{Private: true, Timeout: publishertest.Patience, Backoff: 50 * time.Millisecond}
		p, err := h.publish(kit, proxy.URL, o, relay.ReaderOptions{Check: check})
		if err != nil {
			t.Fatal(err)
		}
		s.Add(p)
		r := p.(relay.Relays).Relays()[0]
		s.Eventually("the site is relayed to "+h.name, func() bool { return r.Status().Leading })
	}
	names := map[string]bool{}
	for name, p := range others(s.Feed) {
		s.Add(p)
		names[name] = true
	}
	for _, h := range hubs {
		names[h.name] = true
	}
	s.Server = s.Serve(&publishertest.ServerOptions{Handler: func(routes http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ch, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/channels/"), "/transports"); ok {
				list(w, names, ch)
				return
			}
			routes.ServeHTTP(w, r)
		})
	}})
	return s
}
