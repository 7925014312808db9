package mercure_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/mercure"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func TestMain(m *testing.M) { realserver.Main(m) }

const (
	topic    = "https://live.example.com/pages/{channel_id}/"
	maxBytes = 20_000
)

// TestConformance runs the suite against a hub without history.
func TestConformance(t *testing.T) {
	hub := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true})
	publishertest.RunRelay(t, &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			return mercure.New(kit, &mercure.Options{
				Options: o, URL: hub.URL, Key: realserver.MercurePublisherKey, Topic: topic, MaxBytes: maxBytes,
			})
		},
		Follow: func(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
			s := subscription{url: address(hub.URL, mercure.Topic(topic, ch)), ready: ready}
			return s.updates(ctx)
		},
		Stop:     func(testing.TB) { hub.Kill() },
		Start:    func(t testing.TB) { hub.Restart(t) },
		MaxBytes: maxBytes,
	})
}

// relayed returns a site that is relayed to a hub.
func relayed(t *testing.T, o *mercure.Options) (*publishertest.Site, *mercure.Publisher) {
	t.Helper()
	site := publishertest.NewSite(t, nil)
	hubs := relay.NewClient()
	t.Cleanup(hubs.Close)
	o.Options.Backoff = 50 * time.Millisecond
	r, err := mercure.New(&relay.Kit{Feed: site.Feed, Source: site.Source, Hubs: hubs, Client: hubs}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.URLs()) > 0 {
		site.Add(r)
	} else {
		start(t, r)
	}
	site.Eventually("the site is relayed", func() bool { return r.Status().Leading })
	return site, r
}

func start(t *testing.T, r *mercure.Publisher) {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func level(site *publishertest.Site, r *mercure.Publisher) {
	site.Helper()
	site.Eventually("the hub is level", func() bool { return r.Status().Behind == 0 && r.Status().Failing.IsZero() })
}

// TestHistory: a reader of a hub with history needs no origin when it comes back, with the ID of its last event.
func TestHistory(t *testing.T) {
	hub := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true, History: true})
	site, r := relayed(t, &mercure.Options{URL: hub.URL, Key: realserver.MercurePublisherKey})
	const ch = publishertest.Channel
	var view motacilla.View
	first, err := site.Feed.Snapshot(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	view.Apply(first.Update, true)
	reader := subscription{url: address(hub.URL, mercure.Topic("", ch)), last: "earliest"}
	read := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
		defer cancel()
		for e, err := range reader.events(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			reader.last = e.id
			u, err := e.update()
			if err != nil {
				t.Fatal(err)
			}
			if view.Apply(u, false) {
				t.Fatalf("the reader is at %d, and the event %s begins at %d", view.Revision, e.id, u.From)
			}
			if view.Revision == site.Head(ch) {
				break
			}
		}
		if err := site.Differ(&view, ch); err != nil {
			t.Fatal(err)
		}
	}
	site.Post(ch, "Goal")
	level(site, r)
	read()
	site.Post(ch, "While the reader is away")
	level(site, r)
	read()
	hub.Kill()
	site.Post(ch, "While the hub is away")
	hub.Restart(t)
	level(site, r)
	site.Post(ch, "After it")
	level(site, r)
	read()
}

// TestPrivate: the hub sends updates of a private channel only to those whose token has the topic.
func TestPrivate(t *testing.T) {
	hub := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true})
	o := &mercure.Options{URL: hub.URL, Key: realserver.MercurePublisherKey, Topic: topic}
	o.Private = true
	site, _ := relayed(t, o)
	secret, open := mercure.Topic(topic, publishertest.Members), mercure.Topic(topic, publishertest.Channel)
	sign := func(expires time.Duration, topics ...string) string {
		token, err := mercure.SubscriberToken(realserver.MercureSubscriberKey, time.Now().Add(expires), topics...)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
	defer cancel()
	first := func(token string) <-chan motacilla.ChannelID { // of the first update that a reader of both topics gets
		ready, got := make(chan struct{}), make(chan motacilla.ChannelID, 1)
		s := subscription{url: address(hub.URL, secret, open), token: token, ready: func() { close(ready) }}
		go func() {
			defer close(got)
			for u, err := range s.updates(ctx) {
				if err != nil {
					t.Errorf("token %q: %v", token, err)
					return
				}
				got <- u.Channel
				return
			}
		}()
		select {
		case <-ready:
		case <-ctx.Done():
			t.Fatal("the hub does not answer")
		}
		return got
	}
	readers := map[<-chan motacilla.ChannelID]motacilla.ChannelID{
		first(sign(time.Hour, secret)): publishertest.Members,
		first(sign(time.Hour, "*")):    publishertest.Members,
		first(sign(time.Hour, open)):   publishertest.Channel,
		first(sign(time.Hour)):         publishertest.Channel,
		first(""):                      publishertest.Channel,
	}
	member := first(sign(time.Hour, secret))
	site.Post(publishertest.Members, "A secret")
	<-member // the hub has it
	site.Post(publishertest.Channel, "Goal")
	for reader, want := range readers {
		if got := <-reader; got != want {
			t.Errorf("the first update was of %q, not %q", got, want)
		}
	}
	for _, s := range []subscription{{token: sign(-time.Minute, secret)}, {token: sign(time.Hour, secret) + "A"}} {
		s.url = address(hub.URL, secret)
		if resp, err := s.open(ctx); err == nil {
			_ = resp.Body.Close()
			t.Errorf("the hub takes the token %s", s.token)
		} else if !strings.HasPrefix(err.Error(), "401 ") {
			t.Error(err)
		}
	}
}

// TestTokenOfTheOperator: a token that is given is sent. One that the hub does not take keeps updates waiting, and is in no error.
func TestTokenOfTheOperator(t *testing.T) {
	hub := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: true})
	for key, works := range map[string]bool{realserver.MercurePublisherKey: true, realserver.MercureSubscriberKey: false} {
		token, err := mercure.PublisherToken(key, time.Now().Add(time.Hour), "*")
		if err != nil {
			t.Fatal(err)
		}
		site, r := relayed(t, &mercure.Options{URL: hub.URL, Token: token})
		site.Post(publishertest.Channel, "Goal")
		if works {
			site.Eventually("the hub has the update", func() bool { return r.Status().Pushes == 1 })
			continue
		}
		site.Eventually("the hub refuses the token", func() bool { return r.Status().Failed > 1 })
		if st := r.Status(); st.Refused > 0 || st.Pushes > 0 || st.Behind == 0 {
			t.Errorf("an update is lost: %+v", st)
		}
	}
}

func TestOptions(t *testing.T) {
	const url = "https://hub.example.com/.well-known/mercure"
	site := publishertest.NewSite(t, nil)
	kit := &relay.Kit{Feed: site.Feed, Source: site.Source}
	for option, o := range map[string]mercure.Options{
		"":               {URL: url, Key: "key"},
		"url":            {URL: "hub.example.com", Key: "key"},
		"key":            {URL: url},
		"token":          {URL: url, Key: "key", Token: "token"},
		"topic":          {URL: url, Key: "key", Topic: "https://live.example.com/{id}"},
		"topic ":         {URL: url, Key: "key", Topic: "https://live.example.com/{channel_id}/{name}"},
		"readers":        {URL: url, Key: "key", ReaderOptions: relay.ReaderOptions{Readers: "hub.example.com"}},
		"subscriber_key": {URL: url, Key: "key", ReaderOptions: relay.ReaderOptions{Readers: url}, Options: relay.Options{Private: true}},
	} {
		_, err := mercure.New(kit, &o)
		field := strings.TrimSpace(option)
		if (err == nil) != (field == "") || err != nil && !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%q: %v", option, err)
		}
	}
}
