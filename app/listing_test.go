package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// counted counts the reads of a store.
type counted struct {
	storage.Store
	channel, channels atomic.Int64
}

func (s *counted) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	s.channel.Add(1)
	return s.Store.Channel(ctx, id)
}

func (s *counted) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	s.channels.Add(1)
	return s.Store.Channels(ctx, after, limit)
}

// privateChannels is how many private channels precede the public one, "z".
const privateChannels = 5000

func startWithPrivateChannels(t *testing.T) (*running, *counted) {
	t.Helper()
	store := &counted{}
	r := start(t, "", webapp.Module, fx.Decorate(func(s storage.Store) storage.Store {
		store.Store = s
		return store
	}))
	for i := range privateChannels {
		c := motacilla.Channel{ID: motacilla.ChannelID(fmt.Sprintf("secret-%04d", i)), Access: motacilla.Private}
		if _, err := r.store.PutChannel(t.Context(), c, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.store.PutChannel(t.Context(), motacilla.Channel{ID: "z"}, 0); err != nil {
		t.Fatal(err)
	}
	return r, store
}

// maxListingReads is how many reads of the store one listing may cost, however many channels there are.
const maxListingReads = 5

func TestListingReadsTheStoreAFewTimesOnly(t *testing.T) {
	r, store := startWithPrivateChannels(t)
	for _, path := range []string{"/api/channels?limit=1&after=open", "/?after=open"} {
		channel, channels := store.channel.Load(), store.channels.Load()
		resp, body := r.do(t, http.MethodGet, path)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", path, resp.Status, body)
		}
		channel, channels = store.channel.Load()-channel, store.channels.Load()-channels
		if channel > 0 || channels > maxListingReads {
			t.Errorf("%s: %d reads of single channels and %d of lists, want none and at most %d", path, channel, channels, maxListingReads)
		}
	}
	if _, metrics := r.do(t, http.MethodGet, "/metrics"); !strings.Contains(metrics, "\nmotacilla_channels 0\n") {
		_, after, _ := strings.Cut(metrics, "\nmotacilla_channels ")
		open, _, _ := strings.Cut(after, "\n")
		t.Errorf("Feed has %s channels in memory, though nobody reads any", open)
	}
}

// TestListingGoesOnPastPrivateChannels follows the next page as a stranger does.
func TestListingGoesOnPastPrivateChannels(t *testing.T) {
	r, _ := startWithPrivateChannels(t)
	var found []string
	query := "?limit=2"
	for range privateChannels {
		_, body := r.do(t, http.MethodGet, "/api/channels"+query)
		if strings.Contains(body, "secret") {
			t.Fatalf("a stranger is told of a private channel: %s", body)
		}
		var page struct {
			Channels []struct{ ID string }
			Next     *string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Channels {
			found = append(found, c.ID)
		}
		if page.Next == nil {
			break
		}
		query = "?limit=2&after=" + url.QueryEscape(*page.Next)
	}
	if got := strings.Join(found, " "); got != "open z" {
		t.Errorf("a stranger finds %q, want the public channels open and z", got)
	}
}
