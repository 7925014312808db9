//go:build linux

package upgrade

import (
	"errors"
	"maps"
	"sync"
	"testing"

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
		open1, upgrades, most := 400, map[string]int{"sqlite": 4, "postgres": 2, "redis": 1}[name], 1
		if *soak {
			open1, upgrades, most = 10_000, 20, 4
		}
		nodes := []*server{newServer(t, false, yaml, flags...), newServer(t, true, yaml, flags...)}
		for _, n := range nodes {
			n.start()
		}
		list := channels(8)
		room := open(t, 4, list, true, nodes...)
		var crowds []*process
		for range most {
			crowds = append(crowds, gather(t, crowd.Spec{Channels: list, Groups: everyKind(open1/most, 10, nodes...)}))
		}
		room.goOn(50)
		everywhere := func(c crowd.Command) (all []map[string]crowd.Report) {
			for _, p := range crowds {
				all = append(all, p.do(c))
			}
			return all
		}
		everywhere(crowd.Command{Again: true})
		for i := range upgrades {
			counts, err := together(nodes)
			if err != nil {
				t.Fatal(err)
			}
			for k, c := range counts {
				if c.Refused > 0 {
					t.Errorf("upgrade %d of %s: %d connections were refused, %d taken", i+1, nodes[k].url, c.Refused, c.Taken)
				}
			}
			for k, groups := range everywhere(crowd.Command{Again: true}) {
				silence, lag := worst(pick(groups, streams))
				t.Logf("upgrade %d, readers %d: %d and %d connections; the longest silence of a stream was %v, the latest post came after %v",
					i+1, k, counts[0].Taken, counts[1].Taken, silence, lag)
			}
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
			stayed(t, groups, func(name string) bool { return name[:4] == "long" })
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

// pick returns the groups that pass.
func pick(groups map[string]crowd.Report, pass func(name string) bool) map[string]crowd.Report {
	picked := maps.Clone(groups)
	maps.DeleteFunc(picked, func(name string, _ crowd.Report) bool { return !pass(name) })
	return picked
}
