package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/netfault"
)

// outage is a fault between nodes and their store.
type outage struct {
	fault netfault.Fault
	lasts time.Duration
	all   bool // for every node; otherwise for the first node only
}

// String returns the name that -outage matches.
func (o outage) String() string {
	return fmt.Sprintf("%v for %v, all nodes %v", o.fault, o.lasts, o.all)
}

// outages returns the outages that -outage matches, in their order.
func outages(t *testing.T) []outage {
	t.Helper()
	chosen, err := regexp.Compile(*which)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(allOutages(), func(o outage) bool { return !chosen.MatchString(o.String()) })
}

func allOutages() []outage {
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

// within returns how long something may take. -soak has the machine to itself and holds what is promised. Otherwise the
// limit only ends a test that hangs.
func within(promise time.Duration) time.Duration {
	if *soak {
		return promise
	}
	return hang
}

const (
	levelIn  = 5 * time.Second  // until readers have what was acknowledged
	patience = 8 * time.Second  // until a reader is answered: the feed waits for two calls of the store, 3 s each
	writesIn = 15 * time.Second // after a fault, until a node has worked off what has piled up
)

// TestFaults makes the network between two nodes and their store fail in every way while 50 posts a second are written.
func TestFaults(t *testing.T) {
	const perSecond = 50
	parallel(t)
	stores(t, func(t *testing.T, b *backend) {
		var links []*netfault.Proxy
		var bases []string
		for range 2 {
			link := netfault.Between(t, b.addr)
			links = append(links, link)
			bases = append(bases, startNode(t, b.flags(link.Addr())...).url)
		}
		must(t, bases[0], http.MethodPost, "", map[string]any{"id": match}, nil)
		var readers []*reader
		for _, base := range bases {
			readers = append(readers, readAll(t, b.wire, base, match)...)
		}
		allAt(t, readers, 1)
		f := &flood{name: "flood", bases: bases, channel: match, acked: map[string]postJSON{}}
		ctx, cancel := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { f.run(ctx, perSecond) })
		defer writing.Wait()
		defer cancel()

		for _, o := range outages(t) {
			what := o.String()
			at, acked, refused, _ := f.state()
			for _, r := range readers {
				if err := r.at(at, within(levelIn)); err != nil {
					t.Fatalf("before %s: %v", what, err)
				}
			}
			before := make([]int, len(readers))
			for i, r := range readers {
				_, before[i], _ = r.count()
			}
			for i, link := range links {
				if i == 0 || o.all {
					link.Become(t, o.fault)
				}
			}
			polls, slowest := probe(t, what, bases[0], at, o.lasts)
			for _, link := range links {
				link.Become(t, netfault.Pass())
			}
			ended := time.Now()
			head, ackedBy, refusedBy, wrong := f.state()
			if wrong != nil {
				t.Fatalf("%s: %v", what, wrong)
			}
			for i, r := range readers {
				if err := r.at(head, within(levelIn)-time.Since(ended)); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if _, faults, fault := r.count(); faults > before[i] {
					t.Errorf("%s: %s had to try again %d times, the last: %v", what, r.name, faults-before[i], fault)
				}
			}
			levelled := time.Since(ended)
			// The next fault meets nodes that write again.
			for i := range bases {
				writes(t, what, bases[i], readers, ended)
			}
			t.Logf("%s: %d writes acknowledged, %d refused; %d polls, the slowest %v; level after %v, writing again after %v",
				what, ackedBy-acked, refusedBy-refused, polls, slowest.Round(time.Millisecond),
				levelled.Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
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
			if err := r.at(l.channel.Head, within(levelIn)); err != nil {
				t.Error(err)
			}
			r.check(t, l)
		}
		stored := 0
		for _, p := range l.posts {
			if p.MessageID == "" { // a post of writes
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
	}, "postgres", "redis") // sqlite is a file, which no network leads to
}

// probe polls a node from a known cursor while a fault lasts. Each poll must be answered. The first ones may be slow,
// because they find out that the store does not answer.
func probe(t *testing.T, what, base string, cursor motacilla.Revision, lasts time.Duration) (polls int, slowest time.Duration) {
	t.Helper()
	const crowd = 20
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	poll := fmt.Sprintf("%s/live/interval-polling/%s/?since=%d", base, match, cursor)
	var mu sync.Mutex
	var polling sync.WaitGroup
	for range crowd {
		polling.Go(func() {
			for ; ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
				began := time.Now()
				resp, err := fresh.Get(poll)
				status, said := 0, ""
				if err == nil {
					status, said = resp.StatusCode, problem(resp)
				}
				if unread(err) {
					continue
				}
				took := time.Since(began)
				mu.Lock()
				polls++
				slowest = max(slowest, took)
				mu.Unlock()
				if status != http.StatusOK || took > within(patience) {
					t.Errorf("%s: a poll was answered with %d %s, %v, after %v", what, status, said, err, took)
					return
				}
			}
		})
	}
	polling.Wait()
	<-ctx.Done()
	return polls, slowest
}

// problem closes the body of an answer, and returns the first of it if it is not 200.
func problem(resp *http.Response) string {
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return ""
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return string(said)
}

// writes writes through a node, which must succeed after the end of the fault. Readers must get the post too.
func writes(t *testing.T, what, base string, readers []*reader, ended time.Time) {
	t.Helper()
	for {
		var p postJSON
		status, _, err := request(t.Context(), base, http.MethodPost, "/"+string(match)+"/posts", map[string]any{"text": "probe"}, &p)
		if err == nil && status == http.StatusCreated {
			for _, r := range readers {
				if err := r.at(p.Revision, within(levelIn)); err != nil {
					t.Errorf("%s: after its end %v", what, err)
				}
			}
			return
		}
		if time.Since(ended) > within(writesIn) {
			t.Errorf("%s: %v after its end the node at %s does not write: %d, %v", what, time.Since(ended), base, status, err)
			return
		}
	}
}
