package storagetest

import (
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// A channel is copied while it is written to, again and again, and is the same in the end.
func testMoveWhileWritten(s *suite) {
	to := s.second()
	s.channel("c")
	h := newHistory()
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.churn("c", h, s.Store)
	}()
	at := motacilla.Revision(0)
	for last := false; ; {
		moved := h.next()
		for {
			records, err := s.ChangeRecords(s.ctx, "c", at, 10)
			if err != nil {
				s.Errorf("records: %v", err)
			}
			if s.Failed() || len(records) == 0 {
				break
			}
			c := s.record("c")
			c.Head = records[len(records)-1].Revision
			c.Changed, c.Floor = min(c.Changed, c.Head), min(c.Floor, c.Head)
			if err := to.Import(s.ctx, c, records); err != nil {
				s.Errorf("import: %v", err)
			}
			at = c.Head
		}
		if s.Failed() || last {
			break
		}
		select {
		case <-moved:
		case <-written:
			last = true
		}
	}
	<-written
	if s.Failed() {
		return
	}
	s.same(to, "c")
}

// Readers see an import whole or not at all.
func testMoveAtomic(s *suite) {
	const posts, rounds = 20, 60
	base := motacilla.Revision(s.hand.Now().UnixMicro())
	c := motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: "c", Access: motacilla.Public, Created: base.Time(), Changed: base, Head: base},
		Born:    base, Floor: base,
	}
	s.take(c, []motacilla.ChangeRecord{{Revision: base, Remembered: true}})
	ids := make([]motacilla.PostID, posts)
	for i := range ids {
		ids[i] = motacilla.NewPostID(base.Time())
	}
	stop := s.reading(readers, nil, func(r int) error {
		if r%2 == 0 {
			page, err := s.Posts(s.ctx, "c", motacilla.Query{Limit: posts})
			if err != nil {
				return err
			}
			return whole(page.Head-base, page.Posts, posts)
		}
		facts, err := s.Changes(s.ctx, "c", base, 0)
		if err != nil {
			return err
		}
		wellFormed(errorer{s}, base, facts)
		return whole(facts.Head-base, facts.Posts, posts)
	})
	for round := 1; round <= rounds; round++ {
		records := make([]motacilla.ChangeRecord, posts)
		for i, id := range ids {
			rev := base + motacilla.Revision(round*posts+i)
			records[i] = motacilla.ChangeRecord{Revision: rev, Remembered: true, Post: &motacilla.Post{
				ID: id, MessageID: string(id), Created: base.Time(), Modified: base.Time(), Revision: rev, SourceVersion: int64(round),
			}}
		}
		c.Head = records[posts-1].Revision
		s.take(c, records)
	}
	stop()
}

// whole returns an error if posts, read at this distance from the first head, are not those of one import.
func whole(head motacilla.Revision, list []motacilla.Post, posts int) error {
	if head == 0 && len(list) == 0 {
		return nil
	}
	if len(list) != posts {
		return fmt.Errorf("%d posts, want all %d of an import", len(list), posts)
	}
	for _, p := range list {
		if round := int(head) / posts; p.SourceVersion != int64(round) {
			return fmt.Errorf("a post of import %d at the head of import %d", p.SourceVersion, round)
		}
	}
	return nil
}

// Watch tells of imports and barriers as it tells of writes.
func testMoveWatch(s *suite) {
	to := s.second()
	w := to.watch()
	exactly := func(what string, c motacilla.ChannelRecord) {
		s.Helper()
		if m := w.reaches(to, what, c.ID, c.Head); m.Head != c.Head || m.Deleted != c.Deleted {
			s.Fatalf("hint of %s is %+v, want head %d, deleted %v", what, m, c.Head, c.Deleted)
		}
	}
	for _, ch := range s.story() {
		s.bring(to, ch, 0, 1<<20)
		exactly("an import", s.record(ch))
	}
	for _, ch := range []motacilla.ChannelID{"live", "deleted"} {
		must[motacilla.Revision](s)(to.Barrier(s.ctx, ch, 0))
		exactly("a barrier", to.record(ch))
	}
}

// What is passed in and what is returned belongs to the caller.
func testMoveOwnership(s *suite) {
	to := s.second()
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m", Content: []motacilla.Block{motacilla.PlainText("one"), motacilla.PlainText("two")}})
	s.deletePost("c", s.post("c", motacilla.Post{MessageID: "gone"}).ID)
	c, records := s.record("c"), s.records("c", 0)
	to.take(c, records)
	spoil := func(records []motacilla.ChangeRecord) {
		for i, r := range records {
			if r.Post != nil {
				r.Post.Content[0] = motacilla.PlainText("spoilt")
				r.Post.Author = "spoilt"
			}
			if r.Removed != nil {
				r.Removed.MessageID = "spoilt"
			}
			records[i] = motacilla.ChangeRecord{}
		}
	}
	spoil(records)
	equalPost(s, "after spoiling what ChangeRecords returned", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)), p)
	equalPost(s, "after spoiling what Import was given", must[motacilla.Post](s)(to.Post(s.ctx, "c", p.ID)), p)
	channels := must[[]motacilla.ChannelRecord](s)(s.ChannelRecords(s.ctx, "", 0))
	channels[0] = motacilla.ChannelRecord{}
	s.same(to, "c")
}

// A barrier resets every reader: no earlier cursor is known. Posts and tombstones stay.
func testBarrier(s *suite) {
	_, err := s.Barrier(s.ctx, "none", 0)
	want(s, "a barrier on a channel that never was", err, motacilla.ErrNotFound)
	first := s.channel("c").Head
	p, q := s.post("c", motacilla.Post{MessageID: "m", Show: true}), s.post("c", motacilla.Post{MessageID: "gone"})
	s.retitle("c", "New")
	s.deletePost("c", q.ID)
	before := must[motacilla.Channel](s)(s.Channel(s.ctx, "c"))
	bar := func(at motacilla.Revision) motacilla.Revision {
		s.Helper()
		head := s.record("c").Head
		rev := must[motacilla.Revision](s)(s.Barrier(s.ctx, "c", at))
		equal(s, "revision of a barrier", rev, max(motacilla.NextRevision(head, s.hand.Now()), at))
		equal(s, "head after a barrier", s.record("c").Head, rev)
		equal(s, "floor after a barrier", s.record("c").Floor, rev)
		return rev
	}
	for i, at := range []motacilla.Revision{0, -5, first, before.Head + 1, before.Head + 3_600_000_000} {
		var known []motacilla.Revision
		for _, r := range s.records("c", 0) {
			known = append(known, r.Revision)
		}
		rev := bar(at)
		what := fmt.Sprintf("after barrier %d: ", i)
		for _, since := range append(known, first, p.Revision, rev-1, rev+1) {
			if c := s.changes("c", since, 0); c.Known || c.Head != rev || c.Floor != rev {
				s.Fatalf("%schanges since %d: known %v, head %d, floor %d", what, since, c.Known, c.Head, c.Floor)
			}
		}
		s.untouched("nothing "+what, "c", rev)
		equalPosts(s, what+"posts", s.all("c"), []motacilla.Post{p})
		equalPost(s, what+"post by message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "m")), p)
		_, err := s.PutPost(s.ctx, "c", motacilla.Post{MessageID: "gone"}, 0)
		want(s, what+"create a removed message", err, motacilla.ErrDeleted)
		before.Head = rev
		equalChannel(s, what+"channel", must[motacilla.Channel](s)(s.Channel(s.ctx, "c")), before)
		r := s.text("c", "next")
		equal(s, what+"next revision", r.Revision, motacilla.NextRevision(rev, s.hand.Now()))
		equalList(s, what+"issued", s.changes("c", rev, 0).Issued, []motacilla.Revision{r.Revision})
		s.deletePost("c", r.ID)
		s.hand.Move(time.Minute)
	}
	gone := s.deleteChannel("c")
	rev := bar(gone + 1000)
	for since, known := range map[motacilla.Revision]bool{gone: false, first: false, rev: true, rev - 1: false} {
		if c := s.changes("c", since, 0); !c.Deleted || c.Known != known || c.Head != rev {
			s.Fatalf("changes since %d of a deleted channel behind a barrier: %+v", since, c)
		}
	}
	_, err = s.Channel(s.ctx, "c")
	want(s, "get a deleted channel behind a barrier", err, motacilla.ErrNotFound)
	equal(s, "revision of a channel made anew", s.channel("c").Head, motacilla.NextRevision(rev, s.hand.Now()))
}
