package drafts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
)

// mortal is a node's way to its store. The node dies at one of its writes: before it, or after it and before the answer. From then on
// nothing reaches the store.
type mortal struct {
	storage.Store
	motacilla.Records

	mu    sync.Mutex
	left  int // writes until it dies; negative: it does not
	after bool
	dead  bool
}

var errDead = fmt.Errorf("%w: the node is dead", motacilla.ErrUnavailable)

// write does a write, if the node lives.
func (m *mortal) write(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errDead
	}
	if m.left--; m.left == -1 {
		m.dead = true
		if m.after {
			_ = do()
		}
		return errDead
	}
	return do()
}

func (m *mortal) Put(ctx context.Context, r motacilla.Record) (stored motacilla.Record, err error) {
	err = m.write(func() error { stored, err = m.Records.Put(ctx, r); return err })
	return stored, err
}

func (m *mortal) Delete(ctx context.Context, namespace, key string, version int64) error {
	return m.write(func() error { return m.Records.Delete(ctx, namespace, key, version) })
}

func (m *mortal) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (stored motacilla.Post, err error) {
	err = m.write(func() error { stored, err = m.Store.PutPost(ctx, ch, p, replaces); return err })
	return stored, err
}

// node returns a keeper of a store that dies at a write; never, if left is negative.
func node(store storage.Store, left int, after bool) (*keeper, *mortal) {
	m := &mortal{Store: store, Records: store.Records(), left: left, after: after}
	if left < 0 {
		m.left = -1 << 40
	}
	sink := receiver.Sink(sinkOf{store, m})
	return &keeper{records: m, sink: sink, ingest: receiver.NewIngest(sink, Name, nil), note: func(receiver.Event) {}, log: zap.NewNop(), now: time.Now}, m
}

// sinkOf is a store whose posts are put by a mortal.
type sinkOf struct {
	storage.Store
	m *mortal
}

func (s sinkOf) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	return s.m.PutPost(ctx, ch, p, replaces)
}

func newStore(t *testing.T) storage.Store {
	t.Helper()
	store := memory.New(nil)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	return store
}

func newDraft(text string, now time.Time) draft {
	return draft{channel: "match", id: motacilla.NewPostID(now), State: Written, By: byline.Person{Who: "person/anna"},
		Drafted: motacilla.Micro(now), Modified: motacilla.Micro(now), content: []motacilla.Block{motacilla.PlainText(text)}}
}

// to returns an edit that brings a draft into a state.
func to(state State, at time.Time) func(*draft) error {
	return func(d *draft) error {
		if d.State == Publishing || d.State == Published {
			return errors.New("too late")
		}
		d.State, d.At = state, at
		return nil
	}
}

// A node dies at each of its writes, before and after it, while it does one of these things. Another node then finds everything as it
// must be: what was acknowledged has happened, what was not has happened or not, and each draft is at most one post.
func TestCrash(t *testing.T) {
	start := time.Now()
	soon, later := start.Add(time.Hour), start.Add(2*time.Hour)
	type story struct {
		do    func(ctx context.Context, k *keeper, d draft) error
		begun State // of the draft before it
		due   map[bool][]int
	}
	// due says how many posts there may be in the end, if the story was acknowledged and if it was not.
	stories := map[string]story{
		"schedule": {func(ctx context.Context, k *keeper, d draft) error {
			_, err := k.change(ctx, "match", d.id, to(Scheduled, soon))
			return err
		}, Written, map[bool][]int{true: {1}, false: {0, 1}}},
		"schedule for another time": {func(ctx context.Context, k *keeper, d draft) error {
			_, err := k.change(ctx, "match", d.id, to(Scheduled, later))
			return err
		}, Scheduled, map[bool][]int{true: {1}, false: {1}}},
		"unschedule": {func(ctx context.Context, k *keeper, d draft) error {
			_, err := k.change(ctx, "match", d.id, to(Submitted, time.Time{}))
			return err
		}, Scheduled, map[bool][]int{true: {0}, false: {0, 1}}},
		"remove": {func(ctx context.Context, k *keeper, d draft) error { return k.remove(ctx, d) },
			Scheduled, map[bool][]int{true: {0}, false: {0, 1}}},
		"publish at once": {func(ctx context.Context, k *keeper, d draft) error {
			d, err := k.change(ctx, "match", d.id, to(Publishing, start))
			if err == nil {
				_, err = k.settle(ctx, d)
			}
			return err
		}, Written, map[bool][]int{true: {1}, false: {0, 1}}},
		"publish what is due": {func(ctx context.Context, k *keeper, d draft) error {
			k.now = func() time.Time { return soon }
			_, err := k.round(ctx)
			return err
		}, Scheduled, map[bool][]int{true: {1}, false: {1}}},
	}
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			writes := 0
			for ; ; writes++ {
				done := true
				for _, after := range []bool{false, true} {
					store := newStore(t)
					k, _ := node(store, -1, false)
					d, err := k.put(t.Context(), newDraft("Goal", start))
					if err == nil && s.begun == Scheduled {
						d, err = k.change(t.Context(), "match", d.id, to(Scheduled, soon))
					}
					if err != nil {
						t.Fatal(err)
					}
					dying, m := node(store, writes, after)
					err = s.do(t.Context(), dying, d)
					done = done && !m.dead
					survives(t, store, d.id, later, s.due[err == nil], fmt.Sprintf("dead at write %d (after it: %v), %v", writes, after, err))
				}
				if done {
					break
				}
			}
			t.Logf("%d writes", writes)
			if writes < 2 {
				t.Error("nothing was tested")
			}
		})
	}
}

// survives has another node go on, and looks at what is there in the end.
func survives(t *testing.T, store storage.Store, id motacilla.PostID, at time.Time, posts []int, what string) {
	t.Helper()
	k, _ := node(store, -1, false)
	k.now = func() time.Time { return at.Add(time.Second) }
	for range 3 {
		if _, err := k.round(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	list, err := store.Posts(t.Context(), "match", motacilla.Query{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := store.Records().List(t.Context(), dueNamespace, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	d, err := k.get(t.Context(), "match", id)
	fits := false
	for _, n := range posts {
		fits = fits || n == len(list.Posts)
	}
	if !fits {
		t.Errorf("%s: %d posts, want one of %v", what, len(list.Posts), posts)
	}
	if len(entries) != 0 {
		t.Errorf("%s: %d entries are left", what, len(entries))
	}
	if published := err == nil && d.State == Published; published != (len(list.Posts) == 1) || err == nil && d.State.armed() {
		t.Errorf("%s: the draft is %q (%v), and there are %d posts", what, d.State, err, len(list.Posts))
	}
}
