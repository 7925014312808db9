package storagetest

import (
	"fmt"
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
	other.asMover()
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
				_, err := to.PutPost(s.ctx, ch, motacilla.Post{MessageID: r.Post.MessageID}, 0)
				want(s, "create a message that was moved", err, motacilla.ErrExists)
			}
		case r.Removed != nil:
			_, err := to.Post(s.ctx, ch, r.Removed.ID)
			want(s, "get a removed post that was moved", err, motacilla.ErrNotFound)
			_, err = to.PutPost(s.ctx, ch, motacilla.Post{ID: r.Removed.ID}, 0)
			want(s, "create a removed post that was moved", err, motacilla.ErrDeleted)
			if r.Removed.MessageID != "" {
				_, err = to.PostByMessage(s.ctx, ch, r.Removed.MessageID)
				want(s, "get a removed message that was moved", err, motacilla.ErrDeleted)
				_, err = to.PutPost(s.ctx, ch, motacilla.Post{MessageID: r.Removed.MessageID}, 0)
				want(s, "create a removed message that was moved", err, motacilla.ErrDeleted)
			}
		}
	}
}

func equalRecord(t tb, what string, got, expected motacilla.ChannelRecord) {
	t.Helper()
	if expected.Deleted { // the rest does not count
		got.Channel = motacilla.Channel{ID: got.ID, Head: got.Head}
		expected.Channel = motacilla.Channel{ID: expected.ID, Head: expected.Head}
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
				motacilla.PlainText(fmt.Sprint("text ", i)), {Type: motacilla.ImageBlock, URL: "/a.png", Alt: "ä", Width: 3, Height: 4},
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
	live := must[motacilla.Channel](s)(s.Channel(s.ctx, "live"))
	live.Access, live.Ended = motacilla.Private, s.hand.Now()
	must[motacilla.Channel](s)(s.PutChannel(s.ctx, live, live.Changed))

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
