package drafts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/receiver"
)

// Nodes schedule, take back, return and publish the same drafts at the same time, and look for what is due. Some die. No draft becomes
// two posts, and what is scheduled in the end comes out.
func TestManyNodes(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { manyNodes(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func manyNodes(t *testing.T, random *rand.Rand) {
	const drafts = 4
	store, start := newStore(t), time.Now()
	first, _ := node(store, -1, false)
	var ids []motacilla.PostID
	for i := range drafts {
		d, err := first.put(t.Context(), newDraft(fmt.Sprint("text ", i), start))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.id)
	}
	var wg sync.WaitGroup
	for range 4 {
		die := -1
		if random.IntN(2) == 0 {
			die = random.IntN(20)
		}
		k, _ := node(store, die, random.IntN(2) == 0)
		own := rand.New(rand.NewPCG(random.Uint64(), 1))
		wg.Go(func() {
			for range 30 {
				act(t.Context(), k, ids[own.IntN(drafts)], start, own)
			}
		})
	}
	wg.Wait()

	last, _ := node(store, -1, false)
	last.now = func() time.Time { return start.Add(time.Minute) }
	armed := map[motacilla.PostID]bool{}
	for _, id := range ids {
		d, err := last.get(t.Context(), "match", id)
		if err != nil {
			t.Fatal(err)
		}
		armed[id] = d.State.armed()
	}
	for range 3 {
		if _, err := last.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	posts := map[string]int{}
	list, err := store.Posts(t.Context(), "match", motacilla.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Posts {
		posts[p.MessageID]++
	}
	for _, id := range ids {
		d, err := last.get(t.Context(), "match", id)
		if err != nil {
			t.Fatal(err)
		}
		if armed[id] && d.State != Published {
			t.Errorf("draft %s was armed, and is %s: %s", id, d.State, d.Note)
		}
		if n := posts[messageID(d)]; n > 1 || (n == 1) != (d.State == Published) {
			t.Errorf("draft %s is %s, and %d posts", id, d.State, n)
		}
	}
	if list, err := store.Records().List(t.Context(), dueNamespace, "", "", 0); err != nil || len(list) != 0 {
		t.Errorf("entries: %v, %v", list, err)
	}
}

// act does something with a draft. It may fail: others do something with it too.
func act(ctx context.Context, k *keeper, id motacilla.PostID, start time.Time, random *rand.Rand) {
	// Few times, so that entries are made again under a key that was there before.
	at := start.Add(time.Duration(1+random.IntN(3)) * time.Second)
	switch random.IntN(8) {
	case 0, 1, 2:
		_, _ = k.change(ctx, "match", id, to(Scheduled, at))
	case 3, 4:
		_, _ = k.change(ctx, "match", id, to(Submitted, time.Time{}))
	case 5:
		if random.IntN(6) > 0 {
			return
		}
		if d, err := k.change(ctx, "match", id, to(Publishing, at)); err == nil && random.IntN(2) == 0 {
			_, _ = k.settle(ctx, d)
		}
	default:
		now := start.Add(time.Duration(random.IntN(3)) * time.Second)
		k.now = func() time.Time { return now }
		_, _ = k.round(ctx)
	}
}

// Nodes that publish one draft at the same time note it once.
func TestNotedOnce(t *testing.T) {
	store, start := newStore(t), time.Now()
	var mu sync.Mutex
	var noted []receiver.Event
	open := func() *keeper {
		k, _ := node(store, -1, false)
		k.note = func(e receiver.Event) {
			mu.Lock()
			defer mu.Unlock()
			noted = append(noted, e)
		}
		return k
	}
	d, err := open().put(t.Context(), newDraft("Goal", start))
	if err == nil {
		d, err = open().change(t.Context(), "match", d.id, func(d *draft) error {
			d.State, d.At, d.Approved = Publishing, start, byline.Person{Who: "person/eve", Name: "Eve"}
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := open().settle(t.Context(), d); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	p, err := store.PostByMessage(t.Context(), "match", messageID(d))
	if err != nil {
		t.Fatal(err)
	}
	want := receiver.Event{
		Who: "person/eve", Name: "Eve", Action: "publish", Channel: "match",
		Detail: fmt.Sprintf("draft %s of person/anna as post %s", d.id, p.ID),
	}
	if len(noted) != 1 || noted[0] != want {
		t.Errorf("noted %+v, want %+v", noted, want)
	}
}

// While one node schedules a draft, between its two writes, another one finds the entry due, and without use. Then the second write
// fails: otherwise the draft would be scheduled, and never come out.
func TestEntryIsNotLost(t *testing.T) {
	store, start := newStore(t), time.Now()
	one, _ := node(store, -1, false)
	other, _ := node(store, -1, false)
	was, err := one.put(t.Context(), newDraft("Goal", start))
	if err != nil {
		t.Fatal(err)
	}
	next := was
	next.State, next.At = Scheduled, motacilla.Micro(start)
	if err := one.enter(t.Context(), dueOf(next)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := one.put(t.Context(), next); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("the second write: %v", err)
	}
}
