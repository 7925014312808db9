package publisher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestHeldAreCountedAtMost: requests that a goroutine holds count as the most since the last count, so that readers who are just
// asking again are not missed. Who does not wait does not count.
func TestHeldAreCountedAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, feed, end := started(t)
		defer end()
		const ch = "match"
		held := func() int {
			list, _ := feed.Readers(nil)
			if len(list) == 0 {
				return 0
			}
			return list[0].Held
		}
		head, err := feed.Channel(t.Context(), ch)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			go func() { _, _ = feed.Next(ctx, ch, head.Head) }()
		}
		synctest.Wait()
		if n := held(); n != 3 {
			t.Errorf("%d requests are held, want 3", n)
		}
		cancel()
		synctest.Wait()
		_, _ = feed.Next(ctx, ch, head.Head)
		for _, want := range []int{3, 0} {
			if n := held(); n != want {
				t.Errorf("%d requests were held, want %d", n, want)
			}
		}
		feed.Polled(ch, 3*time.Second)
		feed.Polled(ch, time.Second)
		list, node := feed.Readers(nil)
		if len(list) != 1 || list[0].Polled != 4*time.Second || node.Interval != 3*time.Second || node.Connections != 0 {
			t.Errorf("got %+v %+v", list, node)
		}
	})
}
