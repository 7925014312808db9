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
		all, never, slow = 1000, 10, 200
		stall            = 10 * time.Second
		bytesOfPost      = 4000
	)
	files(t, 2*all+500)
	for _, mode := range streams {
		t.Run(string(mode), func(t *testing.T) {
			p := serve(t, fmt.Sprintf("feed: {stall: %v}\nstorage: {type: memory}\npublishers: [{type: %s}]\n", stall, mode))
			w := newWriter(t, p, bytesOfPost, 5)
			if err := w.write(t.Context()); err != nil {
				t.Fatal(err)
			}
			stop := w.every(t, 100*time.Millisecond)
			defer stop()
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
			// writes reads while n changes are written, and returns how late they are.
			writes := func(c *load.Crowd, n int) (p50, p99 time.Duration) {
				t.Helper()
				c.Measure()
				wrote := w.count()
				if err := c.Until(func() bool { return w.count() >= wrote+n }, patience); err != nil {
					t.Fatal(err)
				}
				lags := c.Measure()
				return load.Quantile(lags, 0.5), load.Quantile(lags, 0.99)
			}

			alone := crowd(t, p, load.Spec{Mode: mode, Readers: all - never - slow})
			if err := alone.Connect(patience); err != nil {
				t.Fatal(err)
			}
			p50, p99 := writes(alone, 40)
			if err := alone.Close(); err != nil {
				t.Fatal(err)
			}
			c := crowd(t, p, load.Spec{Mode: mode, Readers: all, Silent: never, Slow: slow})
			await(c, "those who left are gone", func(m map[string]float64) bool { return m[figure("readers", mode)] == 0 })
			if err := c.Connect(patience); err != nil {
				t.Fatal(err)
			}
			before, err := p.metrics()
			if err != nil {
				t.Fatal(err)
			}
			with50, with99 := writes(c, 80)

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
			stop()
			agree(t, c, w, false)
			c.Hurry() // slow readers would take minutes for what waits
			agree(t, c, w, true)
			if got := after[figure("slow_readers_closed_total", mode)]; mode != load.LongPoll && got != never {
				t.Errorf("%v readers were closed because they took nothing, want the %d that never read", got, never)
			}
			if len(c.Ends) > 0 {
				t.Errorf("%d readers that do read were closed: %v", len(c.Ends), c.Faults)
			}
			grown := after["process_resident_memory_bytes"] - before["process_resident_memory_bytes"]
			if grown > 64<<20 {
				t.Errorf("the server has grown by %.0f MB", grown/1e6)
			}
			t.Logf("healthy readers: p50 %v, p99 %v alone; p50 %v, p99 %v (%.2f times) with %d who never read and %d slow ones; "+
				"all of the former closed %v after the last of 80 changes; the server has grown by %.1f MB; %d changes",
				p50.Round(100*time.Microsecond), p99.Round(100*time.Microsecond), with50.Round(100*time.Microsecond),
				with99.Round(100*time.Microsecond), float64(with99)/float64(p99), never, slow, closed.Round(time.Millisecond),
				grown/1e6, w.count())
		})
	}
}

// figure returns the name of a metric of a publisher.
func figure(name string, mode load.Mode) string {
	return fmt.Sprintf("motacilla_%s{publisher=%q}", name, mode)
}
