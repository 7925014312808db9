package centrifugo_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/centrifugo"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// answer is what the publisher tells a reader.
type answer struct {
	Update motacilla.Update `json:"update"`
	Hub    relay.Ticket     `json:"hub"`
}

func ask(t *testing.T, server *publishertest.Server, ch motacilla.ChannelID, secret string) (a answer, status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live/centrifugo/"+string(ch)+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := server.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, resp.StatusCode
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a, resp.StatusCode
}

// follows has a reader with a ticket get a post.
func follows(t *testing.T, site *publishertest.Site, a answer, ch motacilla.ChannelID, subscribe func(relay.Ticket) (*subscription, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
	defer cancel()
	var view motacilla.View
	view.Apply(&a.Update, true)
	s, transport := subscribe(a.Hub)
	s.channels, s.ready = []string{a.Hub.Channel}, func() { site.Post(ch, "Goal") }
	for p, err := range transports[transport](s, ctx) {
		if err != nil {
			t.Fatalf("the ticket %+v: %v", a.Hub, err)
		}
		if view.Apply(p.update, false) {
			t.Fatalf("the reader is at %d, and the update begins at %d", view.Revision, p.update.From)
		}
		if view.Revision == site.Head(ch) {
			break
		}
	}
	if err := site.Differ(&view, ch); err != nil {
		t.Error(err)
	}
}

// TestTickets: with what the publisher tells them, readers follow Centrifugo over both transports, with tokens and without.
func TestTickets(t *testing.T) {
	server := realserver.NewCentrifugo(t)
	ways := map[string]func(relay.Ticket) (*subscription, string){
		"WebSocket": func(k relay.Ticket) (*subscription, string) {
			return &subscription{at: k.URL, connection: k.Token, tokens: map[string]string{k.Channel: k.Subscription}}, "WebSocket"
		},
		"SSE": func(k relay.Ticket) (*subscription, string) { return &subscription{at: k.SSE}, "SSE" },
	}
	for name, test := range map[string]struct {
		key, namespace string
		channels       map[motacilla.ChannelID]string // with the secret of readers
	}{
		"no tokens": {"", "live", map[motacilla.ChannelID]string{publishertest.Channel: ""}},
		"tokens": {realserver.CentrifugoTokenKey, "closed", map[motacilla.ChannelID]string{
			publishertest.Channel: "", publishertest.Members: publishertest.Secret,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &centrifugo.Options{URL: server.URL + "/api", Key: realserver.CentrifugoAPIKey, TokenKey: test.key}
			o.Channel, o.Readers, o.Private = test.namespace+":{channel_id}", server.URL+"/", test.key != ""
			site, kit, _ := newHub(t, o)
			p, err := centrifugo.New(kit, o)
			if err != nil {
				t.Fatal(err)
			}
			site.Add(p)
			site.Eventually("the site is relayed", func() bool { return p.Status().Leading })
			origin := site.Serve(nil)
			for ch, secret := range test.channels {
				for way, subscribe := range ways {
					a, status := ask(t, origin, ch, secret)
					if status != http.StatusOK || a.Hub.Protocol != "centrifugo" {
						t.Fatalf("%s, %s: %d, %+v", ch, way, status, a)
					}
					follows(t, site, a, ch, subscribe)
				}
			}
			if _, status := ask(t, origin, publishertest.Members, ""); status != http.StatusForbidden {
				t.Errorf("a reader of a private channel who has no permission gets %d", status)
			}
		})
	}
}
