//go:build linux

package upgrade

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
	"github.com/motacilla-live/motacilla/internal/handover"
)

// yaml is the configuration of servers. Streams live longer than a test.
const yaml = `
log: {format: json}
feed: {heartbeat: 5s}
publishers:
  - {type: sse, lifetime: 24h}
  - {type: websocket}
  - {type: long-polling, hold: 5s}
receivers: [{type: webapp}]
`

// TestStreams upgrades two nodes of a store, one with TLS and one without, again and again. Streams of every kind are open, and 50
// posts a second are written. No stream is closed, and nothing is lost or doubled. Held polls and streams over HTTP/2 end, and their
// readers come back.
func TestStreams(t *testing.T) {
	stores(t, func(t *testing.T, name string, flags []string) {
		streaming, upgrades, processes, list := 400, map[string]int{"sqlite": 4, "postgres": 2, "redis": 1}[name], 1, channels(8)
		if *soak {
			streaming, upgrades, processes, list = 10_000, 20, 4, channels(100)
		}
		nodes := []*server{newServer(t, false, yaml, flags...), newServer(t, true, yaml, flags...)}
		for _, n := range nodes {
			n.start()
		}
		room := open(t, 4, list, true, nodes...)
		var crowds []*process
		for range processes {
			crowds = append(crowds, gather(t, crowd.Spec{Channels: list, Groups: everyKind(streaming/processes, 10, nodes...)}))
		}
		room.goOn(50)
		nodes[0].await("some changes are made", func() bool { return room.made() > 100 })
		t.Logf("before upgrades the latest change reached a stream after %v", late(crowds))
		for i := range upgrades {
			began := time.Now()
			counts, err := together(nodes)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			for k, c := range counts {
				if c.Refused > 0 {
					t.Errorf("upgrade %d of %s: %d connections were refused, %d taken", i+1, nodes[k].url, c.Refused, c.Taken)
				}
			}
			t.Logf("upgrade %d: %d and %d connections; the latest change reached a stream after %v; %v until the old processes had ended",
				i+1, counts[0].Taken, counts[1].Taken, late(crowds), took.Round(time.Millisecond))
			if t.Failed() {
				break
			}
		}
		room.stop()
		truth := room.truth()
		drained := 0
		for _, p := range crowds {
			groups := p.agree(truth)
			stayed(t, groups, streams)
			stayed(t, groups, func(name string) bool { return strings.HasPrefix(name, string(crowd.LongPoll)) })
			for _, r := range groups {
				drained += r.Ends
			}
		}
		t.Logf("%d changes; %d streams over HTTP/2 were drained", room.made(), drained)
		for _, n := range nodes {
			n.stop()
		}
	})
}

// together upgrades all nodes at the same time.
func together(nodes []*server) ([]handover.Count, error) {
	counts, errs := make([]handover.Count, len(nodes)), make([]error, len(nodes))
	var work sync.WaitGroup
	for i, n := range nodes {
		work.Go(func() { counts[i], errs[i] = n.upgrade() })
	}
	work.Wait()
	return counts, errors.Join(errs...)
}
