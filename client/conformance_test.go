package client_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
)

// follow reads one connection with the client's transport.
func follow(name string) publishertest.Follow {
	return func(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
		return func(yield func(*motacilla.Update, error) bool) {
			stopped := false
			err := client.Connect(ctx, name, url, since, func(u *motacilla.Update) bool {
				stopped = !yield(u, nil)
				return !stopped
			})
			if err != nil && !stopped {
				yield(nil, err)
			}
		}
	}
}

// all returns the publishers, each with the client's transport for it.
func all() map[string]publishertest.Entry {
	made := map[string]publishertest.New{
		"sse":       func(_ testing.TB, f *publisher.Feed) publisher.Publisher { return sse.New(f, nil) },
		"websocket": func(_ testing.TB, f *publisher.Feed) publisher.Publisher { return websocket.New(f, nil) },
		"long-polling": func(_ testing.TB, f *publisher.Feed) publisher.Publisher {
			return polling.NewLong(f, &polling.LongOptions{Hold: time.Second})
		},
		"interval-polling": func(_ testing.TB, f *publisher.Feed) publisher.Publisher { return polling.NewInterval(f, nil) },
	}
	entries := map[string]publishertest.Entry{}
	for name, fresh := range made {
		entries[name] = publishertest.Entry{New: fresh, Follow: follow(name)}
	}
	return entries
}

// TestConformance runs the suite for clients with the client's transports. The publishers' own tests run all of it.
func TestConformance(t *testing.T) {
	for name, e := range all() {
		t.Run(name, func(t *testing.T) { publishertest.RunClient(t, e.New, e.Follow) })
	}
}

func TestDifferential(t *testing.T) { publishertest.Differential(t, all(), 500) }
