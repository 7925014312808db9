package centrifugo_test

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/centrifugo"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
)

func TestMain(m *testing.M) { realserver.Main(m) }

const maxBytes = 20_000

// TestConformance runs the suite, in a namespace without history and in one with it. Its subscribers take turns to use a WebSocket and
// server-sent events, also when they come back.
func TestConformance(t *testing.T) {
	for _, namespace := range []string{"live", "kept"} {
		t.Run(namespace, func(t *testing.T) { conforms(t, namespace+":{channel_id}") })
	}
}

func conforms(t *testing.T, template string) {
	server := realserver.NewCentrifugo(t)
	var turn atomic.Int64
	publishertest.RunRelay(t, &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			return centrifugo.New(kit, &centrifugo.Options{
				Options: o, URL: server.URL + "/api", Key: realserver.CentrifugoAPIKey, Channel: template, MaxBytes: maxBytes,
			})
		},
		Follow: func(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
			s := &subscription{server: server.URL, channels: []string{centrifugo.ChannelName(template, ch)}, ready: ready}
			read := s.webSocket
			if turn.Add(1)%2 == 0 {
				read = s.sse
			}
			return func(yield func(*motacilla.Update, error) bool) {
				for p, err := range read(ctx) {
					if !yield(p.update, err) || err != nil {
						return
					}
				}
			}
		},
		Stop:     func(testing.TB) { server.Kill() },
		Start:    func(t testing.TB) { server.Restart(t) },
		MaxBytes: maxBytes,
	})
}

var transports = map[string]func(*subscription, context.Context) publications{
	"WebSocket": (*subscription).webSocket,
	"SSE":       (*subscription).sse,
}

// newHub returns the adapter's hub, and a site.
func newHub(t *testing.T, o *centrifugo.Options) (*publishertest.Site, *relay.Kit, relay.Hub) {
	t.Helper()
	site := publishertest.NewSite(t, nil)
	hubs := relay.NewClient()
	t.Cleanup(hubs.Close)
	kit := &relay.Kit{Feed: site.Feed, Source: site.Source, Hubs: hubs, Client: hubs}
	h, err := centrifugo.NewHub(kit, o)
	if err != nil {
		t.Fatal(err)
	}
	return site, kit, h
}

// delta returns what carries a reader of the site's channel from a revision to the head.
func delta(t *testing.T, site *publishertest.Site, from motacilla.Revision) *relay.Message {
	t.Helper()
	var d *publisher.Delta
	site.Eventually("the feed is at the head", func() bool {
		var err error
		if d, err = site.Feed.Since(t.Context(), publishertest.Channel, from); err != nil {
			t.Fatal(err)
		}
		return d.Revision == site.Head(publishertest.Channel)
	})
	return &relay.Message{Delta: d}
}

// TestRepeated: what is pushed twice is sent once.
func TestRepeated(t *testing.T) {
	server := realserver.NewCentrifugo(t)
	site, _, hub := newHub(t, &centrifugo.Options{URL: server.URL + "/api", Key: realserver.CentrifugoAPIKey})
	begin := site.Head(publishertest.Channel)
	site.Post(publishertest.Channel, "Goal")
	once := delta(t, site, begin)
	site.Post(publishertest.Channel, "Another")
	next := delta(t, site, once.Revision)
	revisions(t, server, "live:", hub, []*relay.Message{once, once, next}, once.Revision, next.Revision)
}

// TestLate: in a namespace with history, what a leader pushes whose term is over does not follow what is newer.
func TestLate(t *testing.T) {
	server := realserver.NewCentrifugo(t)
	o := &centrifugo.Options{URL: server.URL + "/api", Key: realserver.CentrifugoAPIKey, Channel: "kept:{channel_id}"}
	site, _, hub := newHub(t, o)
	begin := site.Head(publishertest.Channel)
	site.Post(publishertest.Channel, "Goal")
	old := delta(t, site, begin)
	site.Post(publishertest.Channel, "Another")
	both := delta(t, site, begin)
	site.Post(publishertest.Channel, "The last")
	next := delta(t, site, both.Revision)
	revisions(t, server, "kept:", hub, []*relay.Message{both, old, next}, both.Revision, next.Revision)
}

// revisions pushes messages, and compares what readers get.
func revisions(t *testing.T, server *realserver.Centrifugo, namespace string, hub relay.Hub, pushed []*relay.Message, want ...motacilla.Revision) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
	defer cancel()
	s := &subscription{server: server.URL, channels: []string{namespace + string(publishertest.Channel)}}
	s.ready = func() {
		for _, m := range pushed {
			if err := hub.Push(ctx, m); err != nil {
				t.Error(err)
			}
		}
	}
	for p, err := range s.webSocket(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if p.update.Revision != want[0] {
			t.Errorf("a reader gets %d, not %d", p.update.Revision, want[0])
		}
		if want = want[1:]; len(want) == 0 {
			return
		}
	}
	t.Errorf("a reader lacks %v", want)
}

// TestRefused: an error of Centrifugo keeps updates waiting, and has no secret.
func TestRefused(t *testing.T) {
	server := realserver.NewCentrifugo(t)
	for problem, o := range map[string]*centrifugo.Options{
		"error 102": {URL: server.URL + "/api", Key: realserver.CentrifugoAPIKey, Channel: "nowhere:{channel_id}"},
		"401":       {URL: server.URL + "/api", Key: "a wrong key"},
		"404":       {URL: server.URL + "/apis", Key: realserver.CentrifugoAPIKey},
	} {
		site, _, hub := newHub(t, o)
		site.Post(publishertest.Channel, "Goal")
		err := hub.Push(t.Context(), delta(t, site, 0))
		if err == nil || !strings.Contains(err.Error(), problem) || strings.Contains(err.Error(), o.Key) || work.IsPermanent(err) {
			t.Errorf("%s: %v", problem, err)
		}
	}
}

func TestOptions(t *testing.T) {
	const url = "https://centrifugo.example.com/api"
	site := publishertest.NewSite(t, nil)
	kit := &relay.Kit{Feed: site.Feed, Source: site.Source}
	private := relay.Options{Private: true}
	for option, o := range map[string]centrifugo.Options{
		"":                 {URL: url},
		"url":              {URL: "centrifugo.example.com"},
		"channel":          {URL: url, Channel: "live:match"},
		"channel ":         {URL: url, Channel: "{channel_id}"},
		"private_channel":  {URL: url, PrivateChannel: "$live:{id}"},
		"private_channel ": {URL: url, Options: private, PrivateChannel: "live:{channel_id}"},
		"readers":          {URL: url, ReaderOptions: relay.ReaderOptions{Readers: "wss://centrifugo.example.com"}},
		"token_key":        {URL: url, Options: private, ReaderOptions: relay.ReaderOptions{Readers: "https://centrifugo.example.com"}},
	} {
		_, err := centrifugo.New(kit, &o)
		field := strings.TrimSpace(option)
		if (err == nil) != (field == "") || err != nil && !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%q: %v", option, err)
		}
	}
}
