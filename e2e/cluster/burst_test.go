package cluster

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBurst delivers 1,000 messages through each receiver to two nodes at once, of which one is killed in the middle. Each message
// becomes exactly one post.
func TestBurst(t *testing.T) {
	parallel(t)
	stores(t, testBurst, "postgres", "redis") // the stores for several machines
}

func testBurst(t *testing.T, b *backend) {
	s := newSite(t, b, 2, sources(), func() *gallery { return newGallery(t, nil, 1, 0) })
	s.start(1)
	bases := []string{s.base(0), s.base(1)}
	var sending sync.WaitGroup
	kill := sync.OnceFunc(s.nodes[0].kill)
	began := time.Now()
	for _, d := range s.desks {
		sending.Go(func() {
			d.burst(t, bases, kill)
			t.Logf("%d messages of %s in %v", burst, d.name, round(time.Since(began)))
		})
	}
	sending.Wait()
	for _, d := range s.desks {
		seen := make(map[string]int)
		for _, p := range list(t, s.base(1), d.channel()).posts {
			seen[text(p)]++
		}
		for id := 1; id <= burst; id++ {
			if n := seen[fmt.Sprint("text ", id)]; n != 1 {
				t.Errorf("message %d of %s has become %d posts", id, d.name, n)
			}
		}
		if len(seen) != burst {
			t.Errorf("%d messages of %s have become posts of %d messages", burst, d.name, len(seen))
		}
	}
}

// burst is how many messages a source delivers.
const burst = 1000

// burst delivers messages, several at once, each to whichever node answers. It calls halfway at its half.
func (d *desk) burst(t *testing.T, bases []string, halfway func()) {
	const workers = 4
	var next, acked atomic.Int64
	var sending sync.WaitGroup
	for range workers {
		sending.Go(func() {
			for id := int(next.Add(1)); id <= burst; id = int(next.Add(1)) {
				attempt := id
				base := func() string {
					attempt++
					return bases[attempt%len(bases)]
				}
				if _, err := d.repeat(t, base, sourceMessage{id: id, text: fmt.Sprint("text ", id)}); err != nil {
					t.Errorf("message %d of %s is not taken: %v", id, d.name, err)
					return
				}
				if acked.Add(1) == burst/2 {
					halfway()
				}
			}
		})
	}
	sending.Wait()
}
