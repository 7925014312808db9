package mercure_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/mercure"
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
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live/mercure/"+string(ch)+"/", nil)
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
func follows(t *testing.T, site *publishertest.Site, a answer, ch motacilla.ChannelID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
	defer cancel()
	var view motacilla.View
	view.Apply(&a.Update, true)
	s := subscription{url: a.Hub.URL, token: a.Hub.Token, ready: func() { site.Post(ch, "Goal") }}
	for u, err := range s.updates(ctx) {
		if err != nil {
			t.Fatalf("the ticket %+v: %v", a.Hub, err)
		}
		if view.Apply(u, false) {
			t.Fatalf("the reader is at %d, and the update begins at %d", view.Revision, u.From)
		}
		if view.Revision == site.Head(ch) {
			break
		}
	}
	if err := site.Differ(&view, ch); err != nil {
		t.Error(err)
	}
}

// TestTickets: with what the publisher tells them, readers follow a hub that is open to everybody, and one that demands tokens.
func TestTickets(t *testing.T) {
	for name, test := range map[string]struct {
		anonymous bool
		key       string
		channels  map[motacilla.ChannelID]string // with the secret of readers
	}{
		"open hub": {anonymous: true, channels: map[motacilla.ChannelID]string{publishertest.Channel: ""}},
		"tokens": {key: realserver.MercureSubscriberKey, channels: map[motacilla.ChannelID]string{
			publishertest.Channel: "", publishertest.Members: publishertest.Secret,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			hub := realserver.NewMercure(t, &realserver.MercureOptions{Anonymous: test.anonymous})
			o := &mercure.Options{URL: hub.URL, Key: realserver.MercurePublisherKey, Topic: topic, SubscriberKey: test.key}
			o.Readers, o.Private = hub.URL+"?from=ticket", test.key != ""
			site, _ := relayed(t, o)
			server := site.Serve(nil)
			for ch, secret := range test.channels {
				a, status := ask(t, server, ch, secret)
				if status != http.StatusOK || a.Hub.Protocol != "mercure" {
					t.Fatalf("%s: %d, %+v", ch, status, a)
				}
				follows(t, site, a, ch)
			}
			if _, status := ask(t, server, publishertest.Members, ""); status != http.StatusForbidden {
				t.Errorf("a reader of a private channel who has no permission gets %d", status)
			}
		})
	}
}
