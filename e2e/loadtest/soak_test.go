//go:build linux

package loadtest

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/load"
)

// flat lists what must not grow: the median of the second half may be at most the median of the first times share, plus
// more.
var flat = []struct {
	name, figure string
	share, more  float64
}{
	{"goroutines", "go_goroutines", 1.15, 60},
	{"descriptors", "process_open_fds", 1.15, 60},
	{"heap", "go_memstats_heap_inuse_bytes", 1.25, 16 << 20},
	{"resident", "process_resident_memory_bytes", 1.25, 24 << 20},
}

// TestSoak opens 500 connections a second in every manner, while other readers stay and posts are written. Goroutines,
// descriptors and memory must not grow, and nothing may be left in the end. Readers that stay get every update. It takes
// two minutes, with -short 20 s, or as long as SOAK says, such as 1h.
func TestSoak(t *testing.T) {
	const perSecond, stay = 500, 50
	length := 2 * time.Minute
	if testing.Short() {
		length = 20 * time.Second
	}
	if s := os.Getenv("SOAK"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	files(t, 5000)
	p := serve(t, "feed: {stall: 5s}\nstorage: {type: memory}\n"+
		"publishers: [{type: sse}, {type: websocket}, {type: long-polling}]\n")
	w := newWriter(t, p, 1500, 20)
	if err := w.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopWriting := w.every(t, 200*time.Millisecond)
	defer stopWriting()
	var crowds []*load.Crowd
	for _, mode := range streams {
		c := crowd(t, p, load.Spec{Mode: mode, Readers: stay})
		if err := c.Connect(patience); err != nil {
			t.Fatal(err)
		}
		crowds = append(crowds, c)
	}
	sample := func() map[string]float64 {
		m, err := p.metrics()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	idle := sample()

	count, stop := churn(t, p.addr, perSecond)
	defer stop()
	samples := make(map[string][]float64)
	warm := min(length/6, time.Minute) // nothing is flat before the first readers that never read are closed
	began, sampled, told := time.Now(), time.Now(), time.Now()
	for time.Since(began) < length {
		for _, c := range crowds {
			next := time.Now().Add(50 * time.Millisecond)
			if err := c.Until(func() bool { return time.Now().After(next) }, patience); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(sampled) < time.Second || time.Since(began) < warm {
			continue
		}
		sampled = time.Now()
		m := sample()
		for _, f := range flat {
			samples[f.figure] = append(samples[f.figure], m[f.figure])
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			t.Logf("%v: %d connections, %.0f goroutines, %.0f descriptors, heap %.1f MB, resident %.1f MB, %d changes",
				time.Since(began).Round(time.Second), count.Load(), m["go_goroutines"], m["process_open_fds"],
				m["go_memstats_heap_inuse_bytes"]/1e6, m["process_resident_memory_bytes"]/1e6, w.count())
		}
	}
	took := time.Since(began)
	stop()
	stopWriting()

	for _, f := range flat {
		all := samples[f.figure]
		first, second := median(all[:len(all)/2]), median(all[len(all)/2:])
		if second > first*f.share+f.more {
			t.Errorf("%s grow: %.0f in the first half, %.0f in the second", f.name, first, second)
		}
		t.Logf("%s: %.0f idle, median %.0f in the first half, %.0f in the second", f.name, idle[f.figure], first, second)
	}
	t.Logf("%d connections in %v, %.0f a second", count.Load(), took.Round(time.Second), float64(count.Load())/took.Seconds())
	for i, c := range crowds {
		agree(t, c, w, true)
		if len(c.Ends) > 0 && length < 5*time.Minute { // the server ends long connections
			t.Errorf("%d connections over %s ended that should stay: %v", len(c.Ends), streams[i], c.Faults)
		}
	}
	var left map[string]float64
	gone := func() bool {
		left = sample()
		return left["go_goroutines"] <= idle["go_goroutines"]+20 && left["process_open_fds"] <= idle["process_open_fds"]+20
	}
	for deadline := time.Now().Add(patience); !gone(); {
		if time.Now().After(deadline) {
			var readers string
			for _, mode := range streams {
				readers += fmt.Sprintf(" %s %v", mode, left[figure("readers", mode)])
			}
			t.Fatalf("in the end %v goroutines and %v descriptors are left, there were %v and %v before; readers%s",
				left["go_goroutines"], left["process_open_fds"], idle["go_goroutines"], idle["process_open_fds"], readers)
		}
		for _, c := range crowds {
			next := time.Now().Add(100 * time.Millisecond)
			_ = c.Until(func() bool { return time.Now().After(next) }, patience)
		}
	}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
