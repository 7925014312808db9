//go:build linux

package loadtest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/load"
)

// flat lists what must not grow from round to round: the least of a round may be at most the least of the second times share,
// plus more, plus what the connections have that are open just then. The least is compared because a busy machine has more of them at a
// time. The first round warms up.
var flat = []struct {
	name, figure string
	share, more  float64
}{
	{"heap", "go_memstats_heap_inuse_bytes", 1.25, 16 << 20},
	{"resident", "process_resident_memory_bytes", 1.25, 64 << 20},
}

// perConnection is what a connection has while it is served, with -race, in bytes.
const perConnection = 32 << 10

// least is the least that was seen of a figure, and how many connections more than at the beginning were open then.
type least struct{ figure, open float64 }

// TestSoak opens 500 connections a second in every manner, while other readers stay and posts are written. After each round
// no goroutine and no descriptor may be left. Memory must not grow. Readers that stay get every update. The rounds have
// 10,000 connections, or as many as 500 a second are in as long as SOAK says, such as 1h.
func TestSoak(t *testing.T) {
	t.Parallel()
	const perSecond, stay, rounds = 500, 50, 4
	length := 20 * time.Second
	if s := os.Getenv("SOAK"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	files(t, 5000)
	p, w := written(t, "storage: {type: memory}\n"+
		"publishers: [{type: sse}, {type: websocket}, {type: long-polling}]\n", 1500, 20, 200*time.Millisecond)
	var crowds []*load.Crowd
	for _, mode := range streams {
		crowds = append(crowds, crowd(t, p, load.Spec{Mode: mode, Readers: stay}))
	}
	// reads lets the crowds read until done returns true.
	reads := func(done func() bool) {
		t.Helper()
		for !done() {
			for _, c := range crowds {
				next := time.Now().Add(50 * time.Millisecond)
				if err := c.Until(func() bool { return time.Now().After(next) }, patience); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	sample := func() map[string]float64 {
		m, err := p.metrics()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	idle := sample()

	began, told := time.Now(), time.Now()
	connections := int64(0)
	var seen [rounds]map[string]least
	for round := range rounds {
		count, stop := churn(t, p.addr, perSecond)
		seen[round] = make(map[string]least)
		reads(func() bool {
			m := sample()
			open := max(0, m["process_open_fds"]-idle["process_open_fds"])
			for _, f := range flat {
				if was, ok := seen[round][f.figure]; !ok || m[f.figure] < was.figure {
					seen[round][f.figure] = least{m[f.figure], open}
				}
			}
			if time.Since(told) > time.Minute {
				told = time.Now()
				t.Logf("%v: %d connections, %.0f goroutines, %.0f descriptors, heap %.1f MB, resident %.1f MB, %d changes",
					time.Since(began).Round(time.Second), connections+count.Load(), m["go_goroutines"], m["process_open_fds"],
					m["go_memstats_heap_inuse_bytes"]/1e6, m["process_resident_memory_bytes"]/1e6, w.count())
			}
			return count.Load() >= int64(length.Seconds()*perSecond/rounds)
		})
		stop()
		connections += count.Load()
		reads(quiet(t, sample, idle))
		for _, f := range flat {
			then, now := seen[min(round, 1)][f.figure], seen[round][f.figure]
			if now.figure > then.figure*f.share+f.more+now.open*perConnection {
				t.Errorf("%s grows: %.0f at least in the second round, %.0f in round %d, with %.0f connections open", f.name, then.figure,
					now.figure, round+1, now.open)
			}
		}
	}
	w.stop()
	for _, f := range flat {
		t.Logf("%s: %.0f idle, at least %.0f in the second round, %.0f in the last", f.name, idle[f.figure], seen[1][f.figure].figure,
			seen[rounds-1][f.figure].figure)
	}
	t.Logf("%d connections in %v", connections, time.Since(began).Round(time.Second))
	for i, c := range crowds {
		agree(t, c, w, true)
		// The server ends long connections.
		if len(c.Ends) > 0 && time.Since(began) < 4*time.Minute && keptUp(t, c) {
			t.Errorf("%d connections over %s ended that should stay: %v", len(c.Ends), streams[i], c.Faults)
		}
	}
}

// quiet returns a function that returns true once no more goroutines and descriptors are left than idle has.
func quiet(t *testing.T, sample func() map[string]float64, idle map[string]float64) func() bool {
	t.Helper()
	deadline := time.Now().Add(patience)
	return func() bool {
		left := sample()
		if left["go_goroutines"] <= idle["go_goroutines"]+20 && left["process_open_fds"] <= idle["process_open_fds"]+20 {
			return true
		}
		if time.Now().After(deadline) {
			var readers string
			for _, mode := range streams {
				readers += fmt.Sprintf(" %s %v", mode, left[figure("readers", mode)])
			}
			t.Fatalf("%v goroutines and %v descriptors are left, there were %v and %v before; readers%s",
				left["go_goroutines"], left["process_open_fds"], idle["go_goroutines"], idle["process_open_fds"], readers)
		}
		return false
	}
}
