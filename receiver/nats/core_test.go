package nats

import (
	"fmt"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/nats-io/nats.go"
)

// TestOrderlyStop: if nodes are replaced one after the other, no document is lost, although nobody keeps them.
func TestOrderlyStop(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t))
	common := newShared(t, "match")
	o := src.options()
	o.Stream = ""
	node := common.node(t, o, nil)
	node.subscribed(t)
	var want []string
	for range 5 {
		next := common.node(t, o, nil)
		next.subscribed(t)
		for range 100 {
			text := fmt.Sprintf("goal %03d", len(want))
			src.publish("match", text, note{len(want), text})
			want = append(want, text)
		}
		node.end(t)
		node.link, node = nil, next
	}
	eventually(t, "all documents are posts", func() bool {
		got := common.texts(t, "match")
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// TestBacklog: what waits has a limit, in documents and in bytes. What is more is counted.
func TestBacklog(t *testing.T) {
	for name, tt := range map[string]struct{ size, want int }{"Documents": {10, waiting}, "Bytes": {waitingBytes / 4, 3}} {
		t.Run(name, func(t *testing.T) {
			common := newShared(t)
			r, err := New(common.kit(), plain(), nil)
			if err != nil {
				t.Fatal(err)
			}
			b := &backlog{r: r}
			data := make([]byte, tt.size)
			for range waiting + 10 {
				b.add(&nats.Msg{Subject: "scores.match", Data: data})
			}
			missed := common.metrics.Counts()[receiver.Delivery{Receiver: "nats", Result: receiver.Failed}]
			if len(b.list) != tt.want || missed != waiting+10-tt.want {
				t.Errorf("%d documents wait, and %d are counted as lost; want %d", len(b.list), missed, tt.want)
			}
			for len(b.list) > 0 {
				b.pop()
			}
			if b.bytes != 0 {
				t.Errorf("nothing waits, with %d bytes", b.bytes)
			}
		})
	}
}
