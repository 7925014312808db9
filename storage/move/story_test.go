package move_test

import (
	"context"
	"flag"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/move"
	"pgregory.net/rapid"
)

// movable is a store that can move channels.
type movable interface {
	storage.Store
	storage.Mover
}

func TestMain(m *testing.M) {
	// Each check copies to a disk several times: 100, which is rapid's own number, takes minutes on a slow one.
	if checks := flag.Lookup("rapid.checks"); checks != nil {
		_ = checks.Value.Set("25") // an argument -rapid.checks wins
	}
	realserver.Main(m)
}

// hand is a clock that is moved by hand.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func newHand() *hand { return &hand{now: time.Now().Add(-time.Hour)} }

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) Move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// writer writes a random history to a store.
type writer struct {
	store movable
	hand  *hand
	names []motacilla.ChannelID
	posts map[motacilla.ChannelID][]motacilla.PostID
}

func newWriter(prefix string) *writer {
	h := newHand()
	w := &writer{store: memory.New(&memory.Options{Clock: h.Now}), hand: h, posts: make(map[motacilla.ChannelID][]motacilla.PostID)}
	for i := range 3 {
		w.names = append(w.names, motacilla.ChannelID(fmt.Sprintf("%s-%d", prefix, i)))
	}
	return w
}

// write does n random things; those that can't be done now fail, and do no harm.
func (w *writer) write(ctx context.Context, rt *rapid.T, n int) {
	for range n {
		ch := w.names[max(0, rapid.IntRange(-3, len(w.names)-1).Draw(rt, "channel"))]
		w.hand.Move(rapid.SampledFrom([]time.Duration{0, time.Microsecond, time.Second, -time.Second}).Draw(rt, "later"))
		var pick motacilla.PostID
		if there := w.posts[ch]; len(there) > 0 {
			pick = there[rapid.IntRange(0, len(there)-1).Draw(rt, "post")]
		}
		switch rapid.IntRange(0, 19).Draw(rt, "what") {
		case 0, 1:
			_, _ = w.store.PutChannel(ctx, motacilla.Channel{ID: ch, Title: "made"}, 0)
		case 2:
			_, _ = storage.EditChannel(ctx, w.store, ch, func(c *motacilla.Channel) error {
				c.Title += "x"
				c.Ended = w.hand.Now()
				return nil
			})
		case 3:
			if rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
				_, _ = w.store.DeleteChannel(ctx, ch)
			}
		case 4:
			if rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
				_, _ = w.store.Barrier(ctx, ch, 0)
			}
		case 5, 6:
			_, _ = w.store.DeletePost(ctx, ch, pick, 0)
		case 7, 8, 9, 10:
			_, _ = storage.Edit(ctx, w.store, ch, pick, func(p *motacilla.Post) error {
				p.Author, p.Show, p.Pinned = p.Author+"x", !p.Show, rapid.Bool().Draw(rt, "pin")
				return nil
			})
		default:
			p := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("text")}}
			if m := rapid.IntRange(-5, 9).Draw(rt, "message"); m >= 0 {
				p.MessageID = fmt.Sprint(m)
			}
			if rapid.IntRange(0, 4).Draw(rt, "old") == 0 {
				p.Created = time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
			}
			if made, err := w.store.PutPost(ctx, ch, p, 0); err == nil {
				w.posts[ch] = append(w.posts[ch], made.ID)
			}
		}
	}
}

type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// same fails the test where the channels of from are not in to as they are, or to does not keep a store's promises.
func same(ctx context.Context, t fatal, from, to movable) {
	t.Helper()
	var chosen []motacilla.ChannelID
	for after := motacilla.ChannelID(""); ; {
		list, err := from.ChannelRecords(ctx, after, 0)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			after = c.ID
			chosen = append(chosen, c.ID)
			d := recordOf(ctx, t, to, c.ID)
			if c.Deleted {
				c.Changed, d.Changed = 0, 0
			}
			if c != d {
				t.Fatalf("channel record is\n\t%+v, want\n\t%+v", d, c)
			}
			a, b := records(ctx, t, from, c.ID), records(ctx, t, to, c.ID)
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("records of channel %q are\n\t%+v, want\n\t%+v", c.ID, b, a)
			}
		}
	}
	if len(chosen) == 0 {
		return
	}
	report, err := move.Check(ctx, to, &move.CheckOptions{Batch: 7, Channels: chosen})
	if err != nil || len(report.Violations) > 0 || len(report.Moving) > 0 || report.Channels != len(chosen) {
		t.Fatalf("check: %v, %+v", err, report)
	}
}

func recordOf(ctx context.Context, t fatal, s movable, id motacilla.ChannelID) motacilla.ChannelRecord {
	t.Helper()
	list, err := s.ChannelRecords(ctx, "", 1<<20)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, c := range list {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("there is no channel %q", id)
	return motacilla.ChannelRecord{}
}

func records(ctx context.Context, t fatal, s movable, id motacilla.ChannelID) []motacilla.ChangeRecord {
	t.Helper()
	list, err := s.ChangeRecords(ctx, id, 0, 1<<20)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for i, r := range list {
		if r.Post != nil && len(r.Post.Content) == 0 {
			list[i].Post.Content = nil
		}
	}
	return list
}
