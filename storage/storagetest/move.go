package storagetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
)

// second opens another store of the same kind, empty.
func (s *suite) second() *suite {
	s.Helper()
	store := s.open(s.T, s.hand.Now)
	s.Cleanup(func() {
		if err := store.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
	})
	other := *s
	other.Store = store
	return &other
}

// record is the channel's.
func (s *suite) record(ch motacilla.ChannelID) motacilla.ChannelRecord {
	s.Helper()
	for after := motacilla.ChannelID(""); ; {
		list := must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, after, 0))
		for _, c := range list {
			if c.ID == ch {
				return c
			}
		}
		if len(list) == 0 {
			s.Fatalf("there is no record of channel %q", ch)
		}
		after = list[len(list)-1].ID
	}
}

func (s *suite) records(ch motacilla.ChannelID, after motacilla.Revision) []motacilla.ChangeRecord {
	s.Helper()
	return must[[]motacilla.ChangeRecord](s)(s.ChangeRecords(s.ctx, ch, after, 1<<20))
}

// bring copies what to lacks of the channel, by batches that each are a state of its own.
func (s *suite) bring(to *suite, ch motacilla.ChannelID, after motacilla.Revision, batch int) {
	s.Helper()
	c := s.record(ch)
	records := s.records(ch, after)
	for len(records) > batch {
		part := c
		part.Head = records[batch-1].Revision
		part.Changed, part.Floor = min(c.Changed, part.Head), min(c.Floor, part.Head)
		part.Deleted = false
		if c.Deleted {
			part.Access, part.Changed = motacilla.Public, c.Born
		}
		to.take(part, records[:batch])
		records = records[batch:]
	}
	to.take(c, records)
}

func (s *suite) take(c motacilla.ChannelRecord, records []motacilla.ChangeRecord) {
	s.Helper()
	if err := s.Import(s.ctx, c, records); err != nil {
		s.Fatalf("import channel %q with %d records: %v", c.ID, len(records), err)
	}
}

// same compares everything that Reader and Mover show of a channel.
func (s *suite) same(to *suite, ch motacilla.ChannelID) {
	s.Helper()
	c, d := s.record(ch), to.record(ch)
	equalRecord(s, "record", d, c)
	equalRecords(s, "records", to.records(ch, 0), s.records(ch, 0))
	heads := must[map[motacilla.ChannelID]motacilla.Revision](s)(to.Heads(s.ctx, []motacilla.ChannelID{ch}))
	equal(s, "head", heads[ch], c.Head)
	revisions := []motacilla.Revision{0, 1, c.Born, c.Floor, c.Head, c.Head + 1}
	records := s.records(ch, 0)
	for i := 0; i < len(records); i += 1 + len(records)/50 { // of many some, for stores that are slow
		revisions = append(revisions, records[i].Revision-1, records[i].Revision, records[i].Revision+1)
	}
	for _, since := range revisions {
		s.sameChanges(to, ch, since)
	}
	if c.Deleted {
		_, err := to.Channel(s.ctx, ch)
		want(s, "get a channel that is deleted", err, motacilla.ErrNotFound)
		return
	}
	equalChannel(s, "channel", must[motacilla.Channel](s)(to.Channel(s.ctx, ch)), must[motacilla.Channel](s)(s.Channel(s.ctx, ch)))
	for _, q := range []motacilla.Query{
		{}, {Limit: 1}, {Limit: 3}, {Limit: 1 << 20}, {Visible: true, Limit: 5}, {Pinned: true}, {Pinned: true, Visible: true, Limit: 1},
	} {
		for more := true; more; {
			a, b := s.page(ch, q), to.page(ch, q)
			what := fmt.Sprintf("posts of %+v", q)
			equal(s, "head of "+what, b.Head, a.Head)
			equal(s, "More of "+what, b.More, a.More)
			equalPosts(s, what, b.Posts, a.Posts)
			if more = a.More; more {
				q.Before = a.Posts[len(a.Posts)-1].Key()
			}
		}
	}
	s.sameByID(to, ch)
}

func (s *suite) sameChanges(to *suite, ch motacilla.ChannelID, since motacilla.Revision) {
	s.Helper()
	a, b := s.changes(ch, since, 0), to.changes(ch, since, 0)
	what := fmt.Sprintf("changes since %d: ", since)
	equal(s, what+"head", b.Head, a.Head)
	equal(s, what+"floor", b.Floor, a.Floor)
	equal(s, what+"known", b.Known, a.Known)
	equal(s, what+"deleted", b.Deleted, a.Deleted)
	if !a.Known {
		return
	}
	equalList(s, what+"issued", b.Issued, a.Issued)
	equalList(s, what+"removed", b.Removed, a.Removed)
	equalPosts(s, what+"posts", b.Posts, a.Posts)
	if (a.Channel == nil) != (b.Channel == nil) {
		s.Fatalf("%schannel is %v, want %v", what, b.Channel, a.Channel)
	}
	if a.Channel != nil {
		equalChannel(s, what+"channel", *b.Channel, *a.Channel)
	}
}

// sameByID compares every post by its ID and message ID, and every tombstone by what it refuses.
func (s *suite) sameByID(to *suite, ch motacilla.ChannelID) {
	s.Helper()
	for _, r := range s.records(ch, 0) {
		switch {
		case r.Post != nil:
			equalPost(s, "post", must[motacilla.Post](s)(to.Post(s.ctx, ch, r.Post.ID)), *r.Post)
			if r.Post.MessageID != "" {
				equalPost(s, "post by message", must[motacilla.Post](s)(to.PostByMessage(s.ctx, ch, r.Post.MessageID)), *r.Post)
				_, err := to.CreatePost(s.ctx, ch, motacilla.Post{MessageID: r.Post.MessageID})
				want(s, "create a message that was moved", err, motacilla.ErrExists)
			}
		case r.Removed != nil:
			_, err := to.Post(s.ctx, ch, r.Removed.ID)
			want(s, "get a removed post that was moved", err, motacilla.ErrNotFound)
			_, err = to.CreatePost(s.ctx, ch, motacilla.Post{ID: r.Removed.ID})
			want(s, "create a removed post that was moved", err, motacilla.ErrDeleted)
			if r.Removed.MessageID != "" {
				_, err = to.PostByMessage(s.ctx, ch, r.Removed.MessageID)
				want(s, "get a removed message that was moved", err, motacilla.ErrDeleted)
				_, err = to.CreatePost(s.ctx, ch, motacilla.Post{MessageID: r.Removed.MessageID})
				want(s, "create a removed message that was moved", err, motacilla.ErrDeleted)
			}
		}
	}
}

func equalRecord(t tb, what string, got, expected motacilla.ChannelRecord) {
	t.Helper()
	if expected.Deleted { // the rest does not count
		got.Channel, got.Changed = motacilla.Channel{ID: got.ID, Head: got.Head}, 0
		expected.Channel, expected.Changed = motacilla.Channel{ID: expected.ID, Head: expected.Head}, 0
	}
	if !expected.Deleted {
		equalChannel(t, what, got.Channel, expected.Channel)
	}
	got.Created, got.Ended, expected.Created, expected.Ended = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	equal(t, what, got, expected)
}

func equalRecords(t tb, what string, got, expected []motacilla.ChangeRecord) {
	t.Helper()
	if len(got) != len(expected) {
		t.Fatalf("%s: %d, want %d", what, len(got), len(expected))
	}
	for i, g := range got {
		e := expected[i]
		where := fmt.Sprintf("%s, number %d", what, i)
		equal(t, where+": revision", g.Revision, e.Revision)
		equal(t, where+": remembered", g.Remembered, e.Remembered)
		if (g.Post == nil) != (e.Post == nil) || (g.Removed == nil) != (e.Removed == nil) {
			t.Fatalf("%s is %+v, want %+v", where, g, e)
		}
		if g.Post != nil {
			equalPost(t, where, *g.Post, *e.Post)
		}
		if g.Removed != nil {
			equal(t, where+": tombstone", *g.Removed, *e.Removed)
		}
	}
}

// story has everything happen to channels that can happen to one, and returns them.
func (s *suite) story() []motacilla.ChannelID {
	s.Helper()
	step := func() { s.hand.Move(time.Second) }
	s.channel("live")
	var posts []motacilla.Post
	for i := range 12 {
		step()
		p := motacilla.Post{
			MessageID: fmt.Sprint("m", i), SourceVersion: int64(i), Source: "webapp", Author: "Ada", Show: i%4 != 1,
			Pinned: i%5 == 2, KeyEvent: i%2 == 0, Content: []motacilla.Block{
				motacilla.Text(fmt.Sprint("text ", i)), {Type: motacilla.ImageBlock, URL: "/a.png", Alt: "ä", Width: 3, Height: 4},
			},
		}
		if i%3 == 2 {
			p.MessageID, p.Content = "", nil
		}
		if i == 7 {
			p.Created = time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
		}
		posts = append(posts, s.post("live", p))
	}
	s.retitle("live", "Another")
	s.reword("live", posts[0].ID, "reworded")
	s.edit("live", posts[3].ID, func(p *motacilla.Post) { p.Show = false })
	s.deletePost("live", posts[4].ID)
	s.deletePost("live", posts[5].ID) // without a message ID
	s.reword("live", posts[0].ID, "reworded again")
	s.edit("live", posts[6].ID, func(p *motacilla.Post) { p.Created = p.Created.Add(-24 * time.Hour) })
	s.deletePost("live", s.text("live", "here and gone").ID)
	must[motacilla.Channel](s)(s.UpdateChannel(s.ctx, "live", func(c *motacilla.Channel) error {
		c.Access, c.Ended = motacilla.Private, s.hand.Now()
		return nil
	}))

	s.channel("empty")
	s.channel("deleted")
	s.deletePost("deleted", s.texts("deleted", 3)[1].ID)
	step()
	s.deleteChannel("deleted")

	s.channel("remade")
	p := s.post("remade", motacilla.Post{MessageID: "of the first life"})
	s.deletePost("remade", p.ID)
	s.deleteChannel("remade")
	step()
	s.channel("remade")
	s.texts("remade", 2)
	s.post("remade", motacilla.Post{MessageID: "of the second life"})

	s.channel("barred")
	gone := s.post("barred", motacilla.Post{MessageID: "gone"})
	s.texts("barred", 3)
	s.deletePost("barred", gone.ID)
	must[motacilla.Revision](s)(s.Barrier(s.ctx, "barred", 0))
	s.texts("barred", 2)
	return []motacilla.ChannelID{"barred", "deleted", "empty", "live", "remade"}
}

// Channels come in byte order of their IDs, deleted ones too, at most as many as are asked for.
func testMoveChannels(s *suite) {
	equal(s, "records of an empty store", len(must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, "", 0))), 0)
	made := s.channel("c")
	equalRecord(s, "new channel", s.record("c"),
		motacilla.ChannelRecord{Channel: made, Born: made.Head, Changed: made.Head, Floor: made.Head})
	p := s.text("c", "one")
	titled := s.retitle("c", "New")
	q := s.text("c", "two")
	titled.Head = q.Revision
	equalRecord(s, "channel", s.record("c"),
		motacilla.ChannelRecord{Channel: titled, Born: made.Head, Changed: q.Revision - 1, Floor: made.Head})
	s.hand.Move(time.Second)
	gone := s.deleteChannel("c")
	equalRecord(s, "deleted channel", s.record("c"),
		motacilla.ChannelRecord{Channel: motacilla.Channel{ID: "c", Head: gone}, Born: made.Head, Floor: made.Head, Deleted: true})
	again := s.channel("c")
	equalRecord(s, "channel made anew", s.record("c"),
		motacilla.ChannelRecord{Channel: again, Born: again.Head, Changed: again.Head, Floor: again.Head})
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

// Channels that are gone at the source go at the target, those that were made again begin again there.
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
		Channel: motacilla.Channel{ID: "c", Title: "Old", Access: motacilla.Public, Created: base.Time(), Head: base + 40},
		Born:    base, Changed: base + 5, Floor: base + 30,
	}
	var records []motacilla.ChangeRecord
	for i := range 40 {
		rev := base + motacilla.Revision(i) + 1
		r := motacilla.ChangeRecord{Revision: rev, Remembered: rev >= c.Floor}
		switch i % 3 {
		case 0:
			r.Post = &motacilla.Post{
				ID: motacilla.NewPostID(at), MessageID: fmt.Sprint(i), Show: true, Created: rev.Time(), Modified: rev.Time(), Revision: rev,
				Content: []motacilla.Block{motacilla.Text("old")},
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
