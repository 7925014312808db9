package storagetest

import (
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// RunShared tests two handles of one backend, for stores that several processes may open. open returns two handles of
// an empty backend; the suite closes them.
func RunShared(t *testing.T, open func(t *testing.T, clock motacilla.Clock) (a, b storage.Store), o *Options) {
	options := o.withDefaults()
	run := func(name string, test func(a, b *suite)) {
		t.Run(name, func(t *testing.T) {
			h := newHand()
			first, second := open(t, h.Now)
			t.Cleanup(func() {
				if err := first.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				if err := second.Close(); err != nil {
					t.Errorf("Close of the second: %v", err)
				}
			})
			a := &suite{T: t, Store: first, ctx: t.Context(), hand: h, Options: options}
			b := &suite{T: t, Store: second, ctx: t.Context(), hand: h, Options: options}
			test(a, b)
		})
	}
	run("Writes", testSharedWrites)
	run("Order", func(a, b *suite) { a.follow(a.Store, b.Store) })
	run("Counter", func(a, b *suite) { a.channel("c"); a.count(a.Store, b.Store) })
	run("Races", func(a, b *suite) { a.race(a.Store, b.Store) })
	run("Hints", testSharedHints)
	run("RecordRaces", func(a, b *suite) { a.raceRecords(a.Records(), b.Records()) })
	run("RecordCounter", func(a, b *suite) { a.countRecords(a.Records(), b.Records()) })
	run("RecordLeases", func(a, b *suite) { a.leaseRecords(a.Records(), b.Records()) })
	run("Close", testSharedClose)
}

// What is written through one handle is read through the other at once.
func testSharedWrites(a, b *suite) {
	made := a.channel("c")
	equalChannel(a, "channel on the other handle", must[motacilla.Channel](b)(b.Channel(b.ctx, "c")), made)
	first, head := made.Head, made.Head
	for i := range 20 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		p := from.post("c", motacilla.Post{MessageID: fmt.Sprint(i), Show: true})
		equal(from, "revision", p.Revision, motacilla.NextRevision(head, from.hand.Now()))
		equalPost(to, "post on the other handle", must[motacilla.Post](to)(to.Post(to.ctx, "c", p.ID)), p)
		_, err := to.PutPost(to.ctx, "c", motacilla.Post{MessageID: fmt.Sprint(i)}, 0)
		want(to, "create it again", err, motacilla.ErrExists)
		p = to.reword("c", p.ID, "reworded")
		equalPost(from, "edited on the other handle", must[motacilla.Post](from)(from.Post(from.ctx, "c", p.ID)), p)
		head = p.Revision
		if i%3 == 0 {
			head = to.deletePost("c", p.ID)
			_, err = from.PostByMessage(from.ctx, "c", p.MessageID)
			want(from, "get what the other removed", err, motacilla.ErrDeleted)
		}
		equal(from, "head", from.head("c"), head)
	}
	equalPosts(a, "posts of both", a.all("c"), b.all("c"))
	equalList(a, "issued", a.changes("c", first, 0).Issued, b.changes("c", first, 0).Issued)
	head = a.deleteChannel("c")
	if c := b.changes("c", first, 0); !c.Deleted || !c.Known || c.Head != head {
		b.Fatalf("deleted on the other handle: %+v", c)
	}
	equal(b, "made anew on the other handle", b.channel("c").Head, head+1)
}

// Heads of one handle shows a write through the other at once: hints of it may be lost. Watch tells of writes through its
// own handle.
func testSharedHints(a, b *suite) {
	w := b.watch()
	a.channel("c")
	for i := range 10 {
		head := a.text("c", fmt.Sprint(i)).Revision
		if i == 9 {
			head = a.deleteChannel("c")
		}
		heads := must[map[motacilla.ChannelID]motacilla.Revision](b)(b.Heads(b.ctx, []motacilla.ChannelID{"c"}))
		equal(b, "head on the other handle", heads["c"], head)
	}
	w.reaches(b, "a write of its own handle", "d", b.channel("d").Head)
}

// A handle still works when the other is closed.
func testSharedClose(a, b *suite) {
	a.channel("c")
	p := a.text("c", "one")
	if err := a.Close(); err != nil {
		a.Fatalf("Close: %v", err)
	}
	equalPost(b, "post after the other closed", must[motacilla.Post](b)(b.Post(b.ctx, "c", p.ID)), p)
	equal(b, "next revision", b.text("c", "two").Revision, p.Revision+1)
}
