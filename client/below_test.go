package client_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// TestSiteBelowPath writes and follows a whole site that knows below which path it is. The path /live is also that of its
// publishers.
func TestSiteBelowPath(t *testing.T) {
	for _, path := range []string{"", "/news/live", "/live"} {
		store := memory.New(nil)
		t.Cleanup(func() { _ = store.Close() })
		site, err := live.New(live.Options{
			Store: store, Token: secret, BasePath: path,
			Publishers: func(p *live.Parts) []publisher.Publisher {
				return []publisher.Publisher{
					sse.New(p.Feed, nil), websocket.New(p.Feed, nil), polling.NewLong(p.Feed, nil), polling.NewInterval(p.Feed, nil),
				}
			},
			Receivers: func(p *live.Parts) []receiver.Receiver {
				return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := site.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(site)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := site.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			server.Close()
		})
		var names []string // of channels
		for _, slash := range []string{"", "/"} {
			c := newClient(t, server.URL+path+slash, &client.Options{Token: secret, Timeout: patience})
			t.Cleanup(c.CloseIdleConnections)
			for _, name := range ours() {
				ch := motacilla.ChannelID(name)
				if slash != "" {
					ch += "@"
				}
				if _, err := c.CreateChannel(patient(t), client.NewChannel{ID: ch, Access: motacilla.Private}); err != nil {
					t.Fatalf("%s%s: %v", path, slash, err)
				}
				names = append(names, string(ch))
				o := &client.FollowOptions{Transports: []string{name}, FirstUpdate: patience, Heartbeat: patience}
				for u, err := range c.Follow(patient(t), ch, o) {
					if err != nil {
						t.Fatalf("%s%s, %s: %v", path, slash, name, err)
					}
					if len(u.Renders) > 0 {
						break
					}
					if u.Reset {
						if _, err := c.CreatePost(patient(t), ch, client.NewPost{Text: "Goal"}); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			for _, name := range []string{"sse", "websocket"} {
				all := followAll(t, c, name, names)
				if len(all) != len(names) {
					t.Errorf("%s%s, %s: got resets of %v, want those of %v", path, slash, name, all, names)
				}
			}
		}
	}
}

// followAll returns the channels of which resets come over a connection for several channels.
func followAll(t *testing.T, c *client.Client, transport string, channels []string) map[motacilla.ChannelID]bool {
	t.Helper()
	m, err := c.FollowMany(&client.FollowOptions{Transports: []string{transport}, FirstUpdate: patience, Heartbeat: patience})
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range channels {
		if err := m.Add(motacilla.ChannelID(ch), 0); err != nil {
			t.Fatal(err)
		}
	}
	got := map[motacilla.ChannelID]bool{}
	for u, err := range m.Updates(patient(t)) {
		if err != nil || !u.Reset {
			t.Fatalf("got %+v, %v", u, err)
		}
		if got[u.Channel] = true; len(got) == len(channels) {
			break
		}
	}
	return got
}
