package storagetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Channels come in byte order of their IDs, deleted ones too, at most as many as are asked for.
func testMoveChannels(s *suite) {
	equal(s, "records of an empty store", len(must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, "", 0))), 0)
	made := s.channel("c")
	equalRecord(s, "new channel", s.record("c"),
		motacilla.ChannelRecord{Channel: made, Born: made.Head, Floor: made.Head})
	p := s.text("c", "one")
	titled := s.retitle("c", "New")
	q := s.text("c", "two")
	titled.Head = q.Revision
	equalRecord(s, "channel", s.record("c"),
		motacilla.ChannelRecord{Channel: titled, Born: made.Head, Floor: made.Head})
	s.hand.Move(time.Second)
	gone := s.deleteChannel("c")
	equalRecord(s, "deleted channel", s.record("c"),
		motacilla.ChannelRecord{Channel: motacilla.Channel{ID: "c", Head: gone}, Born: made.Head, Floor: made.Head, Deleted: true})
	again := s.channel("c")
	equalRecord(s, "channel made anew", s.record("c"),
		motacilla.ChannelRecord{Channel: again, Born: again.Head, Floor: again.Head})
	_ = p

	all := []motacilla.ChannelID{"+", "A", "B", "a", "a.b", "c", "~"}
	for i, id := range []motacilla.ChannelID{"a", "~", "B", "a.b", "+", "A"} {
		s.channel(id)
		if i%2 == 0 {
			s.deleteChannel(id)
		}
	}
	for limit := range 4 {
		var listed []motacilla.ChannelID
		for after := motacilla.ChannelID(""); ; {
			list := must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, after, limit))
			if len(list) == 0 {
				break
			}
			if limit > 0 && len(list) > limit {
				s.Fatalf("%d channels with limit %d", len(list), limit)
			}
			for _, c := range list {
				listed = append(listed, c.ID)
			}
			after = list[len(list)-1].ID
		}
		equalList(s, "channels", listed, all)
	}
	list := must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, "a.", 1))
	equal(s, "channel after one that is not there", list[0].ID, "a.b")
	for i := range motacilla.DefaultLimit {
		s.channel(motacilla.ChannelID(fmt.Sprint("more-", i)))
	}
	equal(s, "channels without a limit", len(must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, "", 0))), motacilla.DefaultLimit)
}

// There is one record for each revision of which anything is kept, oldest first.
func testMoveRecords(s *suite) {
	_, err := s.ChangeRecords(s.ctx, "c", 0, 0)
	want(s, "records of a channel that never was", err, motacilla.ErrNotFound)
	made := s.channel("c")
	a := s.post("c", motacilla.Post{MessageID: "a", Show: true})
	b, d := s.post("c", motacilla.Post{MessageID: "b"}), s.text("c", "d")
	titled := s.retitle("c", "New")
	a2 := s.reword("c", a.ID, "again")
	gone := s.deletePost("c", b.ID)
	expected := []motacilla.ChangeRecord{
		{Revision: made.Head, Remembered: true},
		{Revision: a.Revision, Remembered: true}, // a2 has taken its place
		{Revision: b.Revision, Remembered: true}, // it was removed
		{Revision: d.Revision, Remembered: true, Post: &d},
		{Revision: titled.Head, Remembered: true},
		{Revision: a2.Revision, Remembered: true, Post: &a2},
		{Revision: gone, Remembered: true, Removed: &motacilla.Tombstone{ID: b.ID, MessageID: "b"}},
	}
	equalRecords(s, "records", s.records("c", 0), expected)
	for i, r := range expected {
		equalRecords(s, "records after one", s.records("c", r.Revision), expected[i+1:])
		equalRecords(s, "records after none", s.records("c", r.Revision-1), expected[i:])
		for _, limit := range []int{1, 2, 7} {
			rest := expected[i:]
			equalRecords(s, "records up to a limit",
				must[[]motacilla.ChangeRecord](s)(s.ChangeRecords(s.ctx, "c", r.Revision-1, limit)), rest[:min(limit, len(rest))])
		}
	}
	bar := must[motacilla.Revision](s)(s.Barrier(s.ctx, "c", 0))
	for i := range expected {
		expected[i].Remembered = false
	}
	kept := slices.DeleteFunc(expected, func(r motacilla.ChangeRecord) bool { return r.Post == nil && r.Removed == nil })
	kept = append(kept, motacilla.ChangeRecord{Revision: bar, Remembered: true})
	equalRecords(s, "records after a barrier", s.records("c", 0), kept)
	e := s.text("c", "e")
	end := s.deleteChannel("c")
	equalRecords(s, "records of a deleted channel", s.records("c", 0), []motacilla.ChangeRecord{
		{Revision: bar, Remembered: true}, {Revision: e.Revision, Remembered: true}, {Revision: end, Remembered: true},
	})
	again := s.channel("c")
	equalRecords(s, "records of another life", s.records("c", 0), []motacilla.ChangeRecord{{Revision: again.Head, Remembered: true}})
	s.texts("c", motacilla.DefaultLimit)
	equal(s, "records without a limit", len(must[[]motacilla.ChangeRecord](s)(s.ChangeRecords(s.ctx, "c", 0, 0))), motacilla.DefaultLimit)
}

// What is moved to another store, in parts of any size, is there what it was.
func testMoveRoundTrip(s *suite) {
	channels := s.story()
	for _, batch := range []int{1, 4, 1 << 20} {
		to := s.second()
		to.channel("its-own")
		for _, ch := range channels {
			s.bring(to, ch, 0, batch)
		}
		for _, ch := range channels {
			s.same(to, ch)
		}
		var listed, own []motacilla.ChannelID
		for _, c := range must[[]motacilla.Channel](s)(to.Channels(s.ctx, "", 0)) {
			listed = append(listed, c.ID)
		}
		for _, c := range must[[]motacilla.Channel](s)(s.Channels(s.ctx, "", 0)) {
			own = append(own, c.ID)
		}
		equalList(s, "channels", listed, slices.Sorted(slices.Values(append(own, "its-own"))))
		if batch == 1 {
			goesOn(s, to)
		}
	}
}

// goesOn writes to what was moved: revisions go on from its heads.
func goesOn(s, to *suite) {
	s.Helper()
	head := to.head("live")
	p := to.text("live", "more")
	equal(s, "revision of a post", p.Revision, motacilla.NextRevision(head, s.hand.Now()))
	equalList(s, "issued since the move", to.changes("live", head, 0).Issued, []motacilla.Revision{p.Revision})
	moved := to.page("live", motacilla.Query{Pinned: true}).Posts[0]
	again := to.reword("live", moved.ID, "reworded")
	equal(s, "revision of an edit", again.Revision, motacilla.NextRevision(p.Revision, s.hand.Now()))
	equal(s, "revision of a removal", to.deletePost("live", moved.ID), motacilla.NextRevision(again.Revision, s.hand.Now()))
	deleted := to.record("deleted").Head
	equal(s, "revision of a channel made anew", to.channel("deleted").Head, motacilla.NextRevision(deleted, s.hand.Now()))
}

// A channel that was deleted at the source is deleted at the target. A channel that was made again begins again there.
func testMoveLives(s *suite) {
	to := s.second()
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m"})
	s.text("c", "x")
	s.deletePost("c", p.ID)
	s.bring(to, "c", 0, 1<<20)
	s.same(to, "c")
	head := to.record("c").Head
	s.deleteChannel("c")
	s.bring(to, "c", head, 1<<20)
	s.same(to, "c")
	s.hand.Move(time.Second)
	s.channel("c")
	s.texts("c", 3)
	s.bring(to, "c", 0, 2)
	s.same(to, "c")
	_, err := to.PostByMessage(s.ctx, "c", "m")
	want(s, "get a message of an earlier life", err, motacilla.ErrNotFound)
	if c := to.changes("c", head, 0); c.Known {
		s.Fatalf("a cursor of an earlier life is known")
	}
	// From one life to the next but one, with no record at all.
	s.deleteChannel("c")
	s.hand.Move(time.Second)
	s.channel("c")
	to.take(s.record("c"), nil)
	s.same(to, "c")
	equal(s, "posts of an earlier life", len(to.all("c")), 0)
}

// What is imported again changes nothing; a head that would go back is a conflict.
func testMoveRepeats(s *suite) {
	to := s.second()
	s.channel("c")
	s.texts("c", 4)
	early, earlier := s.record("c"), s.records("c", 0)
	gone := s.deletePost("c", earlier[2].Post.ID)
	s.reword("c", earlier[1].Post.ID, "again")
	late, later := s.record("c"), s.records("c", 0)
	to.take(early, earlier)
	to.take(early, earlier)
	to.take(late, later)
	s.same(to, "c")
	to.take(late, later)
	s.same(to, "c")
	to.take(late, later[len(later)-1:])
	to.take(late, nil)
	s.same(to, "c")
	want(s, "import a head that is older", to.Import(s.ctx, early, earlier), motacilla.ErrConflict)
	want(s, "import a head that is older, without records", to.Import(s.ctx, early, nil), motacilla.ErrConflict)
	s.same(to, "c")
	_, err := to.Post(s.ctx, "c", earlier[2].Post.ID)
	want(s, "get what was removed at "+gone.String(), err, motacilla.ErrNotFound)

	// Another life may begin and end whenever it will.
	foreign := early
	foreign.Born--
	foreign.Changed, foreign.Floor, foreign.Head = foreign.Born, foreign.Born, foreign.Born
	to.take(foreign, nil)
	equal(s, "head of another life", to.head("c"), foreign.Head)
	equal(s, "posts of the life before", len(to.all("c")), 0)
	to.take(late, later)
	s.same(to, "c")
}

// What the source has forgotten the target forgets, and takes what is older than that as well.
func testMoveForgotten(s *suite) {
	at := s.hand.Now().UTC()
	base := motacilla.Revision(at.UnixMicro())
	c := motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: "c", Title: "Old", Access: motacilla.Public, Created: base.Time(), Changed: base + 5, Head: base + 40},
		Born:    base, Floor: base + 30,
	}
	var records []motacilla.ChangeRecord
	for i := range 40 {
		rev := base + motacilla.Revision(i) + 1
		r := motacilla.ChangeRecord{Revision: rev, Remembered: rev >= c.Floor}
		switch i % 3 {
		case 0:
			r.Post = &motacilla.Post{
				ID: motacilla.NewPostID(at), MessageID: fmt.Sprint(i), Show: true, Created: rev.Time(), Modified: rev.Time(), Revision: rev,
				Content: []motacilla.Block{motacilla.PlainText("old")},
			}
		case 1:
			r.Removed = &motacilla.Tombstone{ID: motacilla.NewPostID(at), MessageID: fmt.Sprint(i)}
		case 2:
			if !r.Remembered {
				continue
			}
		}
		records = append(records, r)
	}
	s.take(c, records)
	equalRecord(s, "record", s.record("c"), c)
	equalRecords(s, "records", s.records("c", 0), records)
	for rev := base - 1; rev <= c.Head+1; rev++ {
		got := s.changes("c", rev, 0)
		equal(s, fmt.Sprintf("known, %d after the floor", rev-c.Floor), got.Known, rev >= c.Floor && rev <= c.Head)
		equal(s, "floor", got.Floor, c.Floor)
	}
	to := s.second()
	s.bring(to, "c", 0, 7)
	s.same(to, "c")
	// Later it has forgotten more, and the target has what it had.
	must[motacilla.Revision](s)(s.Barrier(s.ctx, "c", 0))
	s.text("c", "new")
	s.bring(to, "c", c.Head, 1<<20)
	s.same(to, "c")
	if to.changes("c", c.Head, 0).Known {
		s.Fatalf("the target knows a cursor that the source has forgotten")
	}
	// The head is remembered, whether or not there is a record of it.
	c.Head++
	c.ID, c.Floor = "d", c.Head
	s.take(c, records[:3])
	if got := s.changes("d", c.Head, 0); !got.Known || got.Floor != c.Head {
		s.Fatalf("changes since a head without a record: %+v", got)
	}
}

func testMoveValidation(s *suite) {
	s.channel("c")
	p := s.text("c", "x")
	before, records := s.record("c"), s.records("c", 0)
	for what, spoil := range map[string]func(c *motacilla.ChannelRecord, r []motacilla.ChangeRecord){
		"ID":              func(c *motacilla.ChannelRecord, _ []motacilla.ChangeRecord) { c.ID = "a/b" },
		"title":           func(c *motacilla.ChannelRecord, _ []motacilla.ChangeRecord) { c.Title = "\x00" },
		"born":            func(c *motacilla.ChannelRecord, _ []motacilla.ChangeRecord) { c.Born = 0 },
		"floor":           func(c *motacilla.ChannelRecord, _ []motacilla.ChangeRecord) { c.Floor = c.Head + 1 },
		"a newer record":  func(c *motacilla.ChannelRecord, _ []motacilla.ChangeRecord) { c.Head-- },
		"order":           func(_ *motacilla.ChannelRecord, r []motacilla.ChangeRecord) { r[0].Revision = r[1].Revision },
		"post":            func(_ *motacilla.ChannelRecord, r []motacilla.ChangeRecord) { r[1].Post.Author = "\xff" },
		"post's revision": func(_ *motacilla.ChannelRecord, r []motacilla.ChangeRecord) { r[1].Post.Revision-- },
	} {
		c, r := before, slices.Clone(records)
		post := r[1].Post.Clone()
		r[1].Post = &post
		spoil(&c, r)
		wantInvalid(s, "import with wrong "+what, s.Import(s.ctx, c, r))
		c.ID = "new"
		if what != "ID" {
			wantInvalid(s, "import a new channel with wrong "+what, s.Import(s.ctx, c, r))
		}
	}
	s.untouched("what is not valid", "c", p.Revision)
	_, err := s.ChangeRecords(s.ctx, "new", 0, 0)
	want(s, "records of what was not valid", err, motacilla.ErrNotFound)
	equal(s, "channels", len(must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, "", 0))), 1)
}
