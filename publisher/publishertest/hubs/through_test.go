package hubs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
)

func TestHubs(t *testing.T) {
	hubs := startHubs(t)
	t.Run("Through", func(t *testing.T) { through(t, hubs) })
	t.Run("Differential", func(t *testing.T) { differential(t, hubs) })
}

// through: updates of public and private channels come through the hubs. Readers would not ask the server for them in time.
func through(t *testing.T, hubs []*hub) {
	s := open(t, hubs, time.Hour, 0, func(*publisher.Feed) map[string]publisher.Publisher { return nil })
	for _, ch := range []motacilla.ChannelID{publishertest.Channel, publishertest.Members} {
		var readers []*reader
		for _, h := range hubs {
			readers = append(readers, s.read(t, h.name, ch))
		}
		s.Post(ch, "The first") // a reader that is not connected yet asks when it is
		for range 10 {
			for _, r := range readers {
				s.check(t, r)
			}
			s.Post(ch, "Goal")
		}
		for _, r := range readers {
			s.check(t, r)
			r.close()
		}
	}
}

// differential has readers of all transports on one channel. Pushes get lost, come twice or late, and hubs go and come back. Again and
// again it compares what all readers hold with the store. MOTACILLA_OPERATIONS, if set, is how many changes there are.
func differential(t *testing.T, hubs []*hub) {
	operations := 120
	if n, err := strconv.Atoi(os.Getenv("MOTACILLA_OPERATIONS")); err == nil {
		operations = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	own := func(f *publisher.Feed) map[string]publisher.Publisher {
		return map[string]publisher.Publisher{
			"sse": sse.New(f, nil), "websocket": websocket.New(f, nil), "long-polling": polling.NewLong(f, &polling.LongOptions{Hold: time.Second}),
			"interval-polling": polling.NewInterval(f, &polling.IntervalOptions{Interval: 100 * time.Millisecond}),
		}
	}
	s := open(t, hubs, time.Second, 0.05, own)
	names := []string{"sse", "websocket", "long-polling", "interval-polling"}
	for _, h := range hubs {
		names = append(names, h.name)
	}
	var readers []*reader
	for _, name := range names {
		for range 12 {
			readers = append(readers, s.read(t, name, publishertest.Channel))
		}
	}
	w := &writer{site: s, rng: rng}
	var away *hub
	for i := range operations {
		w.write()
		switch n := rng.IntN(100); {
		case n < 3:
			s.Cut()
		case n < 6 && away == nil:
			away = hubs[rng.IntN(len(hubs))]
			away.Kill()
		case n < 14 && away != nil:
			away.Restart(t)
			away = nil
		case n < 18: // one leaves, and another one comes
			at := rng.IntN(len(readers))
			readers[at].close()
			readers[at] = s.read(t, readers[at].name, publishertest.Channel)
		case n < 60:
			time.Sleep(rand.N(20 * time.Millisecond))
		}
		if i%40 != 39 && i != operations-1 {
			continue
		}
		if away != nil {
			away.Restart(t)
			away = nil
		}
		for _, r := range readers {
			s.check(t, r)
		}
	}
	for i, p := range s.proxies {
		t.Logf("%s: %d pushes were lost, doubled or late", hubs[i].name, p.faults.Load())
	}
}

// writer makes random changes to the channel.
type writer struct {
	*site
	rng   *rand.Rand
	posts []motacilla.PostID
	made  int
}

func (w *writer) write() {
	const ch = publishertest.Channel
	w.made++
	text := fmt.Sprintf("change %d", w.made)
	n, count := w.rng.IntN(100), len(w.posts)
	if count == 0 {
		n = 0
	}
	at := w.rng.IntN(max(1, count))
	switch {
	case n < 40:
		w.posts = append(w.posts, w.Post(ch, text).ID)
	case n < 60:
		w.Edit(ch, w.posts[at], func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.PlainText(text)} })
	case n < 72:
		w.Edit(ch, w.posts[at], func(p *motacilla.Post) { p.Show = !p.Show })
	case n < 80:
		w.Edit(ch, w.posts[at], func(p *motacilla.Post) { p.Pinned = !p.Pinned })
	case n < 95:
		w.Remove(ch, w.posts[at])
		w.posts[at] = w.posts[count-1]
		w.posts = w.posts[:count-1]
	default:
		w.EditChannel(ch, func(c *motacilla.Channel) { c.Title = text })
	}
}
