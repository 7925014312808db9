package publisher_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// TestTimesOfDeliveries: three updates, one each second. One reader takes them at once. The other one takes 3 s for each write, so
// that it gets the second and the third one together. Readers that join late, and heartbeats, do not count.
func TestTimesOfDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []publisher.Delivery
		f := setUp(t, &publisher.FeedOptions{Delivered: func(d publisher.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, d)
		}})
		streams := publisher.NewStreams(f.feed, &publisher.Wire{Name: "any", Format: publisher.JSON})
		ctx, leave := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		join := func(cursor motacilla.Revision, each time.Duration) {
			st, err := streams.Open(httptest.NewRequest("GET", "/", nil), match, cursor)
			if err != nil {
				t.Fatal(err)
			}
			readers.Go(func() {
				defer st.Close()
				st.Run(ctx, func(d *publisher.Delta) error {
					if !d.Heartbeat() && !d.Reset {
						time.Sleep(each)
					}
					return nil
				})
			})
		}
		join(0, 0)
		join(0, 3*time.Second)
		synctest.Wait()
		var heads []motacilla.Revision
		for range 3 {
			f.post("news")
			c, err := f.store.Channel(t.Context(), match)
			if err != nil {
				t.Fatal(err)
			}
			heads = append(heads, c.Head)
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second) // 8 s after the first one, the slow reader has everything
		join(heads[0], 0)           // has missed two updates
		time.Sleep(time.Minute)
		stats := f.feed.Metrics().Of("any")
		if n, sum, within := stats.First.Read(); n != 3 || sum >= 3*time.Millisecond || within[0] != 3 {
			t.Errorf("first deliveries: %d in %v, %v", n, sum, within)
		}
		n, sum, within := stats.Last.Read()
		bucket := slices.Index(publisher.Buckets[:], 5*time.Second)
		if n != 3 || sum.Round(100*time.Millisecond) != (3+5+4)*time.Second || within[bucket-1] != 0 || within[len(within)-1] != 3 {
			t.Errorf("last deliveries: %d in %v, %v; want 3 s, 5 s and 4 s", n, sum, within)
		}
		mu.Lock()
		for i, d := range told {
			if d.Channel != match || d.Publisher != "any" || d.Revision != heads[i] || i > 0 && d.Since != heads[i-1] ||
				d.At.Sub(d.Revision.Time()) > time.Millisecond {
				t.Errorf("told %d: %+v", i, d)
			}
		}
		if len(told) != 3 {
			t.Errorf("told %+v", told)
		}
		mu.Unlock()
		leave()
		readers.Wait()
	})
}

// TestOldestChangeCounts: changes that reach the node together were written at different times.
func TestOldestChangeCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		streams := publisher.NewStreams(f.feed, &publisher.Wire{Name: "any", Format: publisher.JSON})
		st, err := streams.Open(httptest.NewRequest("GET", "/", nil), match, 0)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		var reader sync.WaitGroup
		reader.Go(func() {
			defer st.Close()
			st.Run(ctx, func(*publisher.Delta) error { return nil })
		})
		synctest.Wait()
		f.source.down.Store(true)
		f.post("written while the store is out of reach for this node")
		time.Sleep(4 * time.Second)
		f.post("and another one")
		f.source.down.Store(false)
		time.Sleep(time.Minute)
		n, sum, _ := f.feed.Metrics().Of("any").First.Read()
		if n != 1 || sum < 3900*time.Millisecond || sum > 6*time.Second {
			t.Errorf("%d deliveries in %v, want one after 4 to 6 s", n, sum)
		}
		leave()
		reader.Wait()
	})
}

// TestAnswered: a held request counts if something new has come meanwhile.
func TestAnswered(t *testing.T) {
	f := setUp(t, nil)
	first, err := f.feed.Since(t.Context(), match, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.feed.Answered("held", time.Now(), first)
	asked := time.Now()
	f.post("news")
	d, err := f.feed.Next(t.Context(), match, first.Revision)
	if err != nil {
		t.Fatal(err)
	}
	f.feed.Answered("held", asked, d)
	f.feed.Answered("held", asked, d)
	f.feed.Answered("held", time.Now(), d)
	f.feed.Answered("held", asked, f.feed.Idle(match, d.Revision))
	if n, _, _ := f.feed.Metrics().Of("held").First.Read(); n != 1 {
		t.Errorf("%d first deliveries, want 1", n)
	}
}

func TestHistogram(t *testing.T) {
	var h publisher.Histogram
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, time.Millisecond + 1, time.Minute} {
		h.Observe(d)
	}
	count, sum, within := h.Read()
	if count != 5 || sum != time.Minute+2*time.Millisecond+1 || within[0] != 3 || within[1] != 4 || within[len(within)-1] != 4 {
		t.Errorf("%d, %v, %v", count, sum, within)
	}
}
