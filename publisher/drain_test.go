package publisher

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/memory"
)

type noHTML struct{}

func (noHTML) RenderPost(motacilla.Post) (motacilla.HTML, error) { return motacilla.HTML{}, nil }

// started returns a feed of a store with the channel "match". end closes both.
func started(t *testing.T) (store *memory.Store, feed *Feed, end func()) {
	t.Helper()
	store = memory.New(nil)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	feed = NewFeed(store, noHTML{}, nil)
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store, feed, func() {
		_ = feed.Close()
		_ = store.Close()
	}
}

// eventually waits until cond is true.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not after a minute: %s", what)
		}
	}
}

// TestDrainIsSpread drains readers that have a goroutine each. They are sent away at a rate, so that they do not all come back
// at once: 400 of them within a tenth of a second, or within half of what Shutdown's context leaves, if that is less.
func TestDrainIsSpread(t *testing.T) {
	for name, test := range map[string]struct{ left, spread time.Duration }{
		"no deadline":      {0, 100 * time.Millisecond},
		"time enough":      {10 * time.Second, 100 * time.Millisecond},
		"a short deadline": {80 * time.Millisecond, 40 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const readers = drainRate / 10
				_, feed, end := started(t)
				defer end()
				streams := NewStreams(feed, &Wire{Name: "test", Format: JSON})
				ended := make(chan time.Time, readers)
				var all sync.WaitGroup
				for range readers {
					stream, err := streams.Open(httptest.NewRequest(http.MethodGet, "/", nil), "match", 0)
					if err != nil {
						t.Fatal(err)
					}
					all.Go(func() {
						defer stream.Close()
						if end := stream.Run(t.Context(), func(*Delta) error { return nil }); end != EndDrain {
							t.Errorf("a reader's end is %d, want a drain", end)
						}
						ended <- time.Now()
					})
				}
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				if test.left > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), test.left)
				}
				defer cancel()
				began := time.Now()
				if err := streams.Shutdown(ctx); err != nil {
					t.Error(err)
				}
				all.Wait()
				var quarters [4]int
				for range readers {
					after := (<-ended).Sub(began)
					if after > test.spread {
						t.Fatalf("a reader was sent away after %v, want %v at most", after, test.spread)
					}
					quarters[min(4*after/test.spread, 3)]++
				}
				for _, n := range quarters {
					if n < readers/8 {
						t.Errorf("in the quarters of the drain %v readers were sent away, want about as many in each", quarters)
					}
				}
			})
		})
	}
}
