package presence

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// crowd is a Source. It has all channels but "none".
type crowd struct {
	list  []publisher.ChannelReaders
	node  publisher.NodeReaders
	fault error // of Channel
}

func (c *crowd) Readers(list []publisher.ChannelReaders) ([]publisher.ChannelReaders, publisher.NodeReaders) {
	return append(list, c.list...), c.node
}

func (c *crowd) Channel(_ context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if id == "none" && c.fault == nil {
		return motacilla.Channel{}, motacilla.ErrNotFound
	}
	return motacilla.Channel{ID: id}, c.fault
}

// TestPollers has readers that poll every few seconds. Within two intervals they are counted, and within two intervals after they have
// left they are not.
func TestPollers(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 3 * time.Second, 5 * time.Second, 30 * time.Second} {
		for _, readers := range []int{1, 2, 10, 1000} {
			source := &crowd{list: []publisher.ChannelReaders{{Channel: "a"}}, node: publisher.NodeReaders{Interval: interval}}
			c := counter{source: source, every: 2 * time.Second}
			at := time.Unix(1e9, 0)
			begin := at
			count := func(present bool) int {
				from := at.Sub(begin)
				at = at.Add(c.every)
				for i := range readers {
					if !present {
						break
					}
					phase := interval * time.Duration(i) / time.Duration(readers)
					polls := (at.Sub(begin)+interval-phase-1)/interval - (from+interval-phase-1)/interval
					source.list[0].Polled += time.Duration(int64(polls) * int64(interval))
				}
				return c.count(at).channels["a"].readers
			}
			for range 40 {
				n := count(true)
				if off := max(readers/10, 1); at.Sub(begin) > 2*interval+c.every && (n < readers-off || n > readers+off) {
					t.Errorf("%d readers that poll every %v: %d after %v", readers, interval, n, at.Sub(begin))
				}
			}
			left := at
			for at.Sub(left) < 2*interval+c.every {
				count(false)
			}
			if n := count(false); n != 0 {
				t.Errorf("%d readers are left of %d that polled every %v", n, readers, interval)
			}
			source.list = nil
			if c.count(at.Add(c.every)); len(c.polls) != 0 {
				t.Error("a channel that is not in memory is remembered")
			}
		}
	}
}

func (p *Presence) step(t testing.TB) {
	t.Helper()
	own := p.counter.count(time.Now())
	p.now.Store(own)
	if err := p.writer.write(context.Background(), own); err != nil {
		t.Fatal(err)
	}
}

func crowded(channels int) *crowd {
	c := &crowd{}
	for i := range channels {
		c.list = append(c.list, publisher.ChannelReaders{Channel: motacilla.ChannelID(fmt.Sprintf("channel-%06d", i)), Streams: i%7 + 1})
		c.node.Connections += i%7 + 1
	}
	return c
}

// TestShards: another node reads the counts of a node with many channels, also while they get more and fewer.
func TestShards(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	source := &crowd{}
	big := New(source, store.Records(), nil, &Options{Node: "big", TTL: time.Hour})
	small := New(&crowd{}, store.Records(), nil, &Options{Node: "small", TTL: time.Hour})
	for _, channels := range []int{1, 20000, 100, 5000, 60000, 0, 2} {
		*source = *crowded(channels)
		big.step(t)
		list, err := small.nodes(t.Context())
		if err != nil || len(list) != min(channels, 1) {
			t.Fatal(list, err)
		}
		records := 0
		if err := each(t.Context(), store.Records(), namespace, "", func(r motacilla.Record) {
			records++
			if len(r.Value) > 4*shardSize {
				t.Errorf("%s has %d bytes", r.Key, len(r.Value))
			}
		}); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < channels; i += max(channels/50, 1) {
			one := source.list[i]
			if n, err := small.readers(t.Context(), &list[0], one.Channel); err != nil || n != one.Streams {
				t.Fatalf("%s of %d: %d, %v", one.Channel, channels, n, err)
			}
		}
		if channels == 0 && records != 0 {
			t.Errorf("%d records are left", records)
		}
		t.Logf("%d channels: %d records", channels, records)
	}
}

// TestPeaks: two nodes write what was the most of each channel, and a node that begins later goes on from that.
func TestPeaks(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	created := time.UnixMicro(1e15)
	of := func(ch motacilla.ChannelID, n int) publisher.ChannelReaders {
		return publisher.ChannelReaders{Channel: ch, Created: created, Streams: n}
	}
	sources := []*crowd{{}, {}}
	var nodes []*Presence
	for i, s := range sources {
		nodes = append(nodes, New(s, store.Records(), nil, &Options{Node: fmt.Sprint(i), TTL: time.Hour}))
	}
	look := func(want map[motacilla.ChannelID]int) {
		t.Helper()
		for _, p := range nodes {
			p.step(t)
		}
		for _, p := range nodes {
			if err := p.peaks.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := map[motacilla.ChannelID]int{}
		for ch := range want {
			stored, _, err := nodes[0].peak(t.Context(), channelPrefix+string(ch))
			if err != nil {
				t.Fatal(err)
			}
			got[ch] = stored.Most
		}
		if !maps.Equal(got, want) {
			t.Errorf("the most is %v, want %v", got, want)
		}
	}
	sources[0].list = []publisher.ChannelReaders{of("a", 3), of("b", 1)}
	sources[1].list = []publisher.ChannelReaders{of("a", 2), of("b", 5), of("c", 1)}
	look(map[motacilla.ChannelID]int{"a": 5, "b": 6, "c": 1})
	sources[0].list = []publisher.ChannelReaders{of("a", 1)}
	sources[1].list = []publisher.ChannelReaders{of("a", 2), of("c", 2)}
	look(map[motacilla.ChannelID]int{"a": 5, "b": 6, "c": 2})
	sources = append(sources, &crowd{list: []publisher.ChannelReaders{of("a", 4)}})
	nodes = append(nodes, New(sources[2], store.Records(), nil, &Options{Node: "2", TTL: time.Hour}))
	look(map[motacilla.ChannelID]int{"a": 7, "b": 6, "c": 2})
	created = created.Add(time.Hour) // the channels are made again
	sources[0].list, sources[1].list, sources[2].list = nil, []publisher.ChannelReaders{of("a", 1)}, []publisher.ChannelReaders{of("b", 2)}
	look(map[motacilla.ChannelID]int{"a": 1, "b": 2, "c": 2})
	for i, p := range nodes {
		for range 2 {
			if err := p.peaks.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(p.peaks.by); n > 1 {
			t.Errorf("node %d remembers %d channels", i, n)
		}
	}
}

// TestManyPeaks: a look has so many calls at most, and the others are not forgotten.
func TestManyPeaks(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	const channels = 3 * peakCalls
	p := New(crowded(channels), store.Records(), nil, &Options{TTL: time.Hour})
	p.step(t)
	source := p.source.(*crowd)
	for i := 0; ; i++ {
		if err := p.peaks.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.peaks.calls > peakCalls+2 {
			t.Fatalf("%d calls", p.peaks.calls)
		}
		stored := 0
		if err := each(t.Context(), store.Records(), peakNamespace, channelPrefix, func(motacilla.Record) { stored++ }); err != nil {
			t.Fatal(err)
		}
		if stored == channels {
			t.Logf("after %d looks", i+1)
			return
		}
		if i == 2 { // they leave before all is stored
			source.list, source.node = nil, publisher.NodeReaders{}
			p.step(t)
		}
		if i > 100 {
			t.Fatalf("%d are stored", stored)
		}
	}
}

// BenchmarkRound has a node with 100,000 channels, of which a tenth changes in each round.
func BenchmarkRound(b *testing.B) {
	store := memory.New(nil)
	defer store.Close()
	source := crowded(100_000)
	p := New(source, store.Records(), nil, &Options{TTL: time.Hour})
	for b.Loop() {
		for i := 0; i < len(source.list); i += 10 {
			source.list[i].Streams++
		}
		p.step(b)
	}
}
