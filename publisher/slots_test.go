package publisher

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

func limited(l Limits) *Feed { return NewFeed(nil, nil, &FeedOptions{Limits: l}) }

func from(addr string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(addr), 4711).String()
	return r
}

// Slots returns how much the limits keep: entries, and readers that are counted.
func (f *Feed) Slots() int {
	f.slots.mu.Lock()
	defer f.slots.mu.Unlock()
	return len(f.slots.channels) + len(f.slots.addresses) + f.slots.readers
}

// A reader for whom there is no slot is told which transport to use, if there is one, and for how long. An address with too many
// readers is not.
func TestOverflow(t *testing.T) {
	f := limited(Limits{Readers: 2, PerChannel: 1, PerAddress: 1, Overflow: "interval-polling"})
	for _, ask := range []struct{ addr, channel string }{{"192.0.2.1", "a"}, {"192.0.2.2", "b"}} {
		if _, err := f.Acquire(from(ask.addr), motacilla.ChannelID(ask.channel)); err != nil {
			t.Fatal(err)
		}
	}
	for channel, counted := range map[motacilla.ChannelID]Refusals{"a": {Channel: 1, Moved: 1}, "c": {Node: 1, Moved: 1}} {
		before := f.slots.refusals()
		_, err := f.Acquire(from("192.0.2.3"), channel)
		m, is := MoveOf(fmt.Errorf("open stream: %w", err))
		if !errors.Is(err, motacilla.ErrOverloaded) || !is || m.Transport != "interval-polling" {
			t.Errorf("channel %q: %v, %+v", channel, err, m)
		}
		if m.For < 60 || m.For > 120 || m.Retry < 5 || m.Retry > 25 || len(m.JSON()) > 123 {
			t.Errorf("channel %q: %s", channel, m.JSON())
		}
		after := f.slots.refusals()
		if got := (Refusals{after.Node - before.Node, after.Channel - before.Channel, 0, after.Moved - before.Moved}); got != counted {
			t.Errorf("channel %q: %+v are counted, want %+v", channel, got, counted)
		}
	}
	_, err := f.Acquire(from("192.0.2.1"), "c")
	if m, is := MoveOf(err); !errors.Is(err, motacilla.ErrTooMany) || is {
		t.Errorf("an address with too many readers is told %v, %+v", err, m)
	}
	if m, is := MoveOf(motacilla.ErrOverloaded); is {
		t.Errorf("%+v", m)
	}
}

func TestAcquire(t *testing.T) {
	type ask struct {
		addr    string
		channel motacilla.ChannelID
		want    error
	}
	for name, tt := range map[string]struct {
		limits  Limits
		asks    []ask
		refused Refusals
	}{
		"nothing": {Limits{}, []ask{{"192.0.2.1", "a", nil}, {"192.0.2.1", "a", nil}, {"192.0.2.1", "a", nil}}, Refusals{}},
		"node": {Limits{Readers: 2}, []ask{
			{"192.0.2.1", "a", nil}, {"192.0.2.2", "b", nil}, {"192.0.2.3", "c", motacilla.ErrOverloaded},
		}, Refusals{Node: 1}},
		"channel": {Limits{PerChannel: 1}, []ask{
			{"192.0.2.1", "a", nil}, {"192.0.2.2", "b", nil}, {"192.0.2.3", "a", motacilla.ErrOverloaded},
		}, Refusals{Channel: 1}},
		"address": {Limits{PerAddress: 1}, []ask{
			{"192.0.2.1", "a", nil}, {"192.0.2.2", "a", nil}, {"192.0.2.1", "b", motacilla.ErrTooMany},
			{"::ffff:192.0.2.1", "b", motacilla.ErrTooMany},
		}, Refusals{Address: 2}},
		"IPv6 by /64": {Limits{PerAddress: 1}, []ask{
			{"2001:db8::1", "a", nil}, {"2001:db8::ffff:1", "a", motacilla.ErrTooMany}, {"2001:db8:0:1::1", "a", nil},
			{"::1", "a", nil}, {"::2", "a", motacilla.ErrTooMany}, {"0.0.0.1", "a", nil},
		}, Refusals{Address: 2}},
		"one's own fault first": {Limits{Readers: 1, PerChannel: 1, PerAddress: 1}, []ask{
			{"192.0.2.1", "a", nil}, {"192.0.2.1", "a", motacilla.ErrTooMany}, {"192.0.2.2", "a", motacilla.ErrOverloaded},
			{"192.0.2.2", "b", motacilla.ErrOverloaded},
		}, Refusals{Node: 1, Channel: 1, Address: 1}},
		"no address": {Limits{PerAddress: 1, Address: func(*http.Request) netip.Addr { return netip.Addr{} }}, []ask{
			{"192.0.2.1", "a", nil}, {"192.0.2.1", "a", nil},
		}, Refusals{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := limited(tt.limits)
			for range 3 { // what is released is free again
				var slots []Slot
				for _, ask := range tt.asks {
					slot, err := f.Acquire(from(ask.addr), ask.channel)
					if !errors.Is(err, ask.want) || ask.want == nil && err != nil {
						t.Fatalf("%s on %s: %v, want %v", ask.addr, ask.channel, err, ask.want)
					}
					retry := (*motacilla.RetryError)(nil)
					if err != nil && (!errors.As(err, &retry) || retry.After < refusedFor || retry.After >= refusedFor+refusedJitter) {
						t.Errorf("%v does not say when to come again", err)
					}
					slots = append(slots, slot)
				}
				for i := range slots {
					slots[i].Release()
					slots[i].Release()
				}
				if n := f.Slots(); n != 0 {
					t.Fatalf("%d entries are left", n)
				}
			}
			want := Refusals{Node: 3 * tt.refused.Node, Channel: 3 * tt.refused.Channel, Address: 3 * tt.refused.Address}
			if got := f.Metrics().Counters().Refused; got != want {
				t.Errorf("refused %+v, want %+v", got, want)
			}
		})
	}
}

// TestAcquireJitter has a crowd be refused at once. It must not be told to come back at once.
func TestAcquireJitter(t *testing.T) {
	f := limited(Limits{Readers: 1})
	if _, err := f.Acquire(from("192.0.2.1"), "a"); err != nil {
		t.Fatal(err)
	}
	per := map[time.Duration]int{}
	for range 1000 {
		_, err := f.Acquire(from("192.0.2.1"), "a")
		retry := (*motacilla.RetryError)(nil)
		if !errors.As(err, &retry) {
			t.Fatal(err)
		}
		per[retry.After.Truncate(time.Second)]++
	}
	for second, n := range per {
		if n > 150 {
			t.Errorf("%d of 1000 come back in the second after %v", n, second)
		}
	}
}

// A crowd that is told to poll comes back little by little.
func TestOverflowJitter(t *testing.T) {
	f := limited(Limits{PerChannel: 1, Overflow: "interval-polling"})
	if _, err := f.Acquire(from("192.0.2.1"), "a"); err != nil {
		t.Fatal(err)
	}
	per := map[int]int{}
	for range 1000 {
		_, err := f.Acquire(from("192.0.2.1"), "a")
		m, _ := MoveOf(err)
		per[m.For]++
	}
	for second, n := range per {
		if n > 50 {
			t.Errorf("%d of 1000 come back in second %d", n, second)
		}
	}
}

// TestAcquireRace acquires and releases in random order. No limit may be passed, and in the end nothing may be counted.
func TestAcquireRace(t *testing.T) {
	limits := Limits{Readers: 24, PerChannel: 9, PerAddress: 5}
	f := limited(limits)
	var node atomic.Int64
	var channels, addresses [5]atomic.Int64
	check := func(n *atomic.Int64, limit int, what string) {
		if now := n.Add(1); now > int64(limit) {
			t.Errorf("%d readers of a %s, want at most %d", now, what, limit)
		}
	}
	var admitted, refused atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			type held struct {
				slot      Slot
				ch, owner int
			}
			var slots []held
			leave := func() {
				h := slots[len(slots)-1]
				slots = slots[:len(slots)-1]
				node.Add(-1)
				channels[h.ch].Add(-1)
				addresses[h.owner].Add(-1)
				h.slot.Release()
			}
			for range 2000 {
				h := held{ch: rand.IntN(len(channels)), owner: rand.IntN(len(addresses))}
				slot, err := f.Acquire(from(fmt.Sprintf("2001:db8:0:%d::%d", h.owner, rand.IntN(9))),
					motacilla.ChannelID(fmt.Sprint("channel-", h.ch)))
				if err != nil {
					refused.Add(1)
				} else {
					admitted.Add(1)
					check(&node, limits.Readers, "node")
					check(&channels[h.ch], limits.PerChannel, "channel")
					check(&addresses[h.owner], limits.PerAddress, "address")
					h.slot = slot
					slots = append(slots, h)
				}
				if len(slots) > 0 && rand.IntN(2) == 0 {
					leave()
				}
			}
			for len(slots) > 0 {
				leave()
			}
		})
	}
	all.Wait()
	if n := f.Slots(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
	n := f.Metrics().Counters().Refused
	if admitted.Load() == 0 || refused.Load() == 0 || n.Node+n.Channel+n.Address != refused.Load() {
		t.Errorf("%d admitted, %d refused, counted as %+v", admitted.Load(), refused.Load(), n)
	}
}

// TestAcquireBehindProxies shows that only the address from a trusted proxy counts.
func TestAcquireBehindProxies(t *testing.T) {
	proxies, err := route.ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	f := limited(Limits{PerAddress: 1, Address: proxies.ClientAddr})
	for _, ask := range []struct {
		peer, forwarded string
		ok              bool
	}{
		{"10.0.0.1", "192.0.2.1", true},
		{"10.0.0.1", "192.0.2.2", true},
		{"10.0.0.2", "192.0.2.1", false},              // through another proxy
		{"10.0.0.1", "203.0.113.9, 192.0.2.1", false}, // the first address is the client's own invention
		{"198.51.100.1", "203.0.113.1", true},         // not a proxy
		{"198.51.100.1", "203.0.113.2", false},        // it claims to be another
	} {
		r := from(ask.peer)
		r.Header.Set("X-Forwarded-For", ask.forwarded)
		if _, err := f.Acquire(r, "a"); (err == nil) != ask.ok {
			t.Errorf("%s through %s: %v", ask.forwarded, ask.peer, err)
		}
	}
}

func TestAcquireWithoutLimitsCostsNothing(t *testing.T) {
	f, r := limited(Limits{}), from("192.0.2.1")
	if n := testing.AllocsPerRun(100, func() {
		slot, _ := f.Acquire(r, "a")
		slot.Release()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
