package cluster

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/netfault"
)

// outage is a fault between nodes and their store.
type outage struct {
	fault netfault.Fault
	lasts time.Duration
	all   bool // between every node and the store; else between the first one and it
}

func outages() []outage {
	faults := []netfault.Fault{
		netfault.Cut(), netfault.Reset(), netfault.HalfOpen(), netfault.Latency(500*time.Millisecond, 250*time.Millisecond),
		netfault.Bandwidth(50_000),
	}
	if !*soak {
		var list []outage
		for _, f := range faults {
			list = append(list, outage{f, time.Second, true})
		}
		return append(list, outage{netfault.HalfOpen(), 5 * time.Second, false})
	}
	var list []outage
	for _, lasts := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second} {
		for _, f := range faults {
			list = append(list, outage{f, lasts, false}, outage{f, lasts, true})
		}
	}
	return list
}

// TestFaults has the network between two nodes and their store fail in every way while fifty posts a second are written.
func TestFaults(t *testing.T) {
	const (
		perSecond = 50
		levelIn   = 5 * time.Second
	)
	each(t, func(t *testing.T, b *backend) {
		if b.addr == "" {
			return // a file, which no network leads to
		}
		var links []*netfault.Proxy
		var bases []string
		for range 2 {
			link, err := netfault.Listen(b.addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = link.Close() })
			links = append(links, link)
			bases = append(bases, "http://"+startNode(t, b.flags(link.Addr())...).addr)
		}
		must(t, bases[0], http.MethodPost, "", map[string]any{"id": match}, nil)
		var readers []*reader
		for _, base := range bases {
			for _, transport := range client.Transports() {
				readers = append(readers, read(t, base, transport, match))
			}
		}
		for _, r := range readers {
			if err := r.at(1, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		f := &flood{name: "flood", bases: bases, channel: match, acked: map[string]postJSON{}}
		ctx, cancel := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { f.run(ctx, perSecond) })
		defer writing.Wait()
		defer cancel()

		for _, o := range outages() {
			what := fmt.Sprintf("%v for %v, all nodes %v", o.fault, o.lasts, o.all)
			_, acked, refused, _ := f.state()
			before := make([]int, len(readers))
			for i, r := range readers {
				_, before[i], _ = r.count()
			}
			for i, link := range links {
				if i == 0 || o.all {
					if err := link.Set(o.fault); err != nil {
						t.Fatal(err)
					}
				}
			}
			probe(t, what, bases[0], o.lasts)
			for _, link := range links {
				if err := link.Set(netfault.Pass()); err != nil {
					t.Fatal(err)
				}
			}
			ended := time.Now()
			head, ackedBy, refusedBy, wrong := f.state()
			if wrong != nil {
				t.Fatalf("%s: %v", what, wrong)
			}
			for i, r := range readers {
				if err := r.at(head, levelIn-time.Since(ended)); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if _, faults, fault := r.count(); faults > before[i] {
					t.Errorf("%s: %s had to try again %d times, the last: %v", what, r.name, faults-before[i], fault)
				}
			}
			levelled := time.Since(ended)
			// The next fault meets nodes that write again.
			for i := range bases {
				writes(t, what, bases[i], ended)
			}
			t.Logf("%s: %d writes acknowledged, %d refused, level after %v, writing again after %v", what, ackedBy-acked,
				refusedBy-refused, levelled.Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
			if t.Failed() {
				break
			}
		}
		cancel()
		writing.Wait()

		_, acked, refused, wrong := f.state()
		if wrong != nil {
			t.Error(wrong)
		}
		l := list(t, bases[0], match)
		for _, r := range readers {
			if err := r.at(l.channel.Head, levelIn); err != nil {
				t.Error(err)
			}
			r.check(t, l)
		}
		stored := 0
		for _, p := range l.posts {
			if p.MessageID == "" { // a probe
				continue
			}
			stored++
			if got := f.acked[p.MessageID]; got.ID != p.ID {
				t.Errorf("message %s is stored as %s, and was acknowledged as %q", p.MessageID, p.ID, got.ID)
			}
		}
		if stored != acked {
			t.Errorf("%d posts were acknowledged, %d are stored", acked, stored)
		}
		t.Logf("%d posts, %d answers of 503, the slowest answer took %v", acked, refused, f.slowest.Round(time.Millisecond))
	})
}

// probe reads from a node, as a reader does who is up to date, while a fault lasts: the answer comes from the node.
func probe(t *testing.T, what, base string, lasts time.Duration) {
	t.Helper()
	over := time.After(lasts)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			resp, err := plain.Get(base + "/healthz")
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			_ = resp.Body.Close()
		}
	}
}

// writes has a node write, which it must within 15 s of the fault's end.
func writes(t *testing.T, what, base string, ended time.Time) {
	t.Helper()
	for {
		status, _, err := request(t.Context(), base, http.MethodPost, "/"+string(match)+"/posts", map[string]any{"text": "probe"}, nil)
		if err == nil && status == http.StatusCreated {
			return
		}
		if time.Since(ended) > deadline {
			t.Errorf("%s: %v after its end the node at %s does not write: %d, %v", what, time.Since(ended), base, status, err)
			return
		}
	}
}
