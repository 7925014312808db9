//go:build linux

package loadtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/load"
)

// TestStalled has one reader in a hundred that never reads, and one in five that reads a kilobyte a second. More is written
// than either takes. The other readers get everything. A reader that never reads is closed after feed.stall and counted,
// and costs no memory. A slow reader is not closed, and gets the newest state.
func TestStalled(t *testing.T) {
	const (
		all, never, slow = 300, 5, 60
		stall            = 10 * time.Second
		bytesOfPost      = 4000
	)
	for _, mode := range streams {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			files(t, 2*all+500)
			p, w := written(t, fmt.Sprintf("feed: {stall: %v}\nstorage: {type: memory}\npublishers: [{type: %s}]\n", stall, mode),
				bytesOfPost, 5, 100*time.Millisecond)
			await := func(c *load.Crowd, what string, done func(metrics map[string]float64) bool) {
				t.Helper()
				var last map[string]float64
				looked := time.Now()
				err := c.Until(func() bool {
					if time.Since(looked) < 200*time.Millisecond {
						return false
					}
					var err error
					if last, err = p.metrics(); err != nil {
						t.Fatal(err)
					}
					looked = time.Now()
					return done(last)
				}, patience)
				if err != nil {
					t.Fatalf("%s: %v; readers %v, closed %v, ends %v", what, err,
						last[figure("readers", mode)], last[figure("slow_readers_closed_total", mode)], c.Faults)
				}
			}
			c := crowd(t, p, load.Spec{Mode: mode, Readers: all, Silent: never, Slow: slow})
			before, err := p.metrics()
			if err != nil {
				t.Fatal(err)
			}
			c.Measure()
			w.more(t, c, 80)
			lags := c.Measure()

			began := time.Now()
			await(c, "those who never read are closed", func(m map[string]float64) bool {
				return m[figure("readers", mode)] <= all-never
			})
			closed := time.Since(began)
			if err := c.Until(func() bool { return time.Since(began) > 2*stall-8*time.Second }, patience); err != nil {
				t.Fatal(err)
			}
			after, err := p.metrics()
			if err != nil {
				t.Fatal(err)
			}
			w.stop()
			agree(t, c, w, false)
			c.Hurry() // slow readers would take minutes for what waits
			agree(t, c, w, true)
			if keptUp(t, c) {
				if got := after[figure("slow_readers_closed_total", mode)]; mode != load.LongPoll && got != never {
					t.Errorf("%v readers were closed because they took nothing, want the %d that never read", got, never)
				}
				if len(c.Ends) > 0 {
					t.Errorf("%d readers that do read were closed: %v", len(c.Ends), c.Faults)
				}
			}
			grown := after["process_resident_memory_bytes"] - before["process_resident_memory_bytes"]
			if grown > 64<<20 {
				t.Errorf("the server has grown by %.0f MB", grown/1e6)
			}
			t.Logf("healthy readers: p50 %v, p99 %v with %d that never read and %d slow ones; all of the former closed %v after "+
				"the last of 80 changes; the server has grown by %.1f MB; %d changes",
				load.Quantile(lags, 0.5).Round(100*time.Microsecond), load.Quantile(lags, 0.99).Round(100*time.Microsecond),
				never, slow, closed.Round(time.Millisecond), grown/1e6, w.count())
		})
	}
}

// figure returns the name of a metric of a publisher.
func figure(name string, mode load.Mode) string {
	return fmt.Sprintf("motacilla_%s{publisher=%q}", name, mode)
}
