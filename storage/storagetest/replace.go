package storagetest

import (
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

func testPostReplace(s *suite) {
	s.channel("c")
	made := s.post("c", motacilla.Post{
		MessageID: "m", Source: "webapp", Author: "A", Show: true, Content: []motacilla.Block{motacilla.PlainText("one")},
	})
	s.hand.Move(time.Minute)
	next := made
	next.Author, next.SourceVersion, next.Show, next.Pinned, next.KeyEvent = "B", 7, false, true, true
	next.Content = []motacilla.Block{motacilla.PlainText("uno"), motacilla.PlainText("two")}
	next.MessageID, next.Source, next.Revision, next.Modified, next.Created = "n", "slack", 1, time.Time{}, time.Time{}
	got := must[motacilla.Post](s)(s.PutPost(s.ctx, "c", next, made.Revision))
	rev := motacilla.NextRevision(made.Revision, s.hand.Now())
	expected := made
	expected.Author, expected.SourceVersion, expected.Show, expected.Pinned, expected.KeyEvent = "B", 7, false, true, true
	expected.Content = []motacilla.Block{motacilla.PlainText("uno"), motacilla.PlainText("two")}
	expected.Revision, expected.Modified = rev, rev.Time()
	equalPost(s, "the replaced post", got, expected)
	equalPost(s, "by ID", must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), expected)
	equalPost(s, "by message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "m")), expected)
	_, err := s.PostByMessage(s.ctx, "c", "n")
	want(s, "get the message that a put made up", err, motacilla.ErrNotFound)
	equal(s, "head", s.head("c"), rev)

	// Only a new author or content makes a post edited.
	s.hand.Move(time.Minute)
	got = s.edit("c", made.ID, func(p *motacilla.Post) { p.Show = true })
	if !got.Modified.Equal(expected.Modified) || got.Revision <= rev {
		s.Fatalf("shown again: %+v", got)
	}
	before := got.Revision
	got = s.edit("c", made.ID, func(p *motacilla.Post) { p.SourceVersion = -1 << 63 })
	if got.SourceVersion != -1<<63 || got.Revision <= before || !got.Modified.Equal(expected.Modified) {
		s.Fatalf("with another source version: %+v", got)
	}
	equalPost(s, "with another source version", must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), got)

	// A put that changes nothing issues no revision.
	for range 2 {
		same := s.edit("c", made.ID, func(p *motacilla.Post) {
			p.Content = []motacilla.Block{motacilla.PlainText("uno"), motacilla.PlainText("two")}
			p.Revision, p.Modified, p.Created = 9, time.Time{}, time.Time{}
		})
		equalPost(s, "after no change", same, got)
		s.untouched("a put without a change", "c", got.Revision)
	}

	next = got
	next.ID = motacilla.NewPostID(s.hand.Now())
	_, err = s.PutPost(s.ctx, "c", next, got.Revision)
	want(s, "replace a post that is not there", err, motacilla.ErrNotFound)
	s.untouched("replacing a post that is not there", "c", got.Revision)

	// A post that was backdated and not edited stays so.
	early := s.text("c", "early")
	moved := s.edit("c", early.ID, func(p *motacilla.Post) { p.Created = p.Created.Add(-time.Hour) })
	if moved.Edited() || !moved.Created.Equal(early.Created.Add(-time.Hour)) {
		s.Fatalf("backdated: %+v", moved)
	}
	equalPost(s, "backdated", must[motacilla.Post](s)(s.Post(s.ctx, "c", early.ID)), moved)
}

// wrong returns revisions that are not rev: stale ones, one of another change, and ones that were never issued.
func wrong(rev motacilla.Revision, others ...motacilla.Revision) []motacilla.Revision {
	return append(others, rev-1, rev+1, rev+1_000_000, 1, -1, -rev, 1<<63-1, -1<<63)
}

// A write that replaces another revision than the present one is a conflict, returns what is there, and changes
// nothing.
func testPostConflict(s *suite) {
	s.channel("c")
	first := s.post("c", motacilla.Post{MessageID: "m", Show: true, Author: "A"})
	s.hand.Move(time.Second)
	p := s.reword("c", first.ID, "two")
	other := s.text("c", "other")
	titled := s.retitle("c", "New")
	next := p
	next.Author = "B"
	for _, rev := range wrong(p.Revision, first.Revision, other.Revision, titled.Head) {
		what := fmt.Sprintf("replacing revision %d instead of %d", rev, p.Revision)
		there, err := s.PutPost(s.ctx, "c", next, rev)
		want(s, "a put "+what, err, motacilla.ErrConflict)
		equalPost(s, "the post there is, after "+what, there, p)
		there, err = s.PutPost(s.ctx, "c", p, rev)
		want(s, "a put that would change nothing, "+what, err, motacilla.ErrConflict)
		equalPost(s, "the post there is, after no change "+what, there, p)
		_, err = s.DeletePost(s.ctx, "c", p.ID, rev)
		want(s, "a removal "+what, err, motacilla.ErrConflict)
		s.untouched(what, "c", titled.Head)
		equalPost(s, "after "+what, must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)), p)
	}
	// What others do on the channel is no conflict.
	changed := must[motacilla.Post](s)(s.PutPost(s.ctx, "c", next, p.Revision))
	equal(s, "author", changed.Author, "B")
	_, err := s.PutPost(s.ctx, "c", next, p.Revision)
	want(s, "the same put again", err, motacilla.ErrConflict)
	rev := must[motacilla.Revision](s)(s.DeletePost(s.ctx, "c", p.ID, changed.Revision))
	equal(s, "head", s.head("c"), rev)
	for _, replaces := range []motacilla.Revision{0, p.Revision, changed.Revision, rev} {
		_, err = s.DeletePost(s.ctx, "c", p.ID, replaces)
		want(s, "remove again", err, motacilla.ErrNotFound)
		if replaces != 0 {
			_, err = s.PutPost(s.ctx, "c", next, replaces)
			want(s, "replace a removed post", err, motacilla.ErrNotFound)
		}
	}
	s.untouched("writes to a removed post", "c", rev)
}

func testChannelReplace(s *suite) {
	made := s.channel("c")
	s.hand.Move(time.Second)
	p := s.text("c", "a post changes the head alone")
	equal(s, "Changed after a post", must[motacilla.Channel](s)(s.Channel(s.ctx, "c")).Changed, made.Head)
	ended := time.Date(2026, 6, 7, 8, 9, 10, 11_000, time.UTC)
	next := motacilla.Channel{
		ID: "c", Title: "New", Access: motacilla.Private, Ended: ended, Created: ended, Changed: 4, Head: 5,
	}
	changed := must[motacilla.Channel](s)(s.PutChannel(s.ctx, next, made.Changed))
	rev := motacilla.NextRevision(p.Revision, s.hand.Now())
	expected := motacilla.Channel{
		ID: "c", Title: "New", Access: motacilla.Private, Created: made.Created, Ended: ended, Changed: rev, Head: rev,
	}
	equalChannel(s, "the replaced channel", changed, expected)
	equalChannel(s, "as it is read", must[motacilla.Channel](s)(s.Channel(s.ctx, "c")), expected)

	next.Ended = time.Time{}
	reopened := must[motacilla.Channel](s)(s.PutChannel(s.ctx, next, rev))
	if !reopened.Ended.IsZero() || reopened.Head != rev+1 || reopened.Changed != rev+1 {
		s.Fatalf("reopened: %+v", reopened)
	}
	q := s.text("c", "more")
	reopened.Head = q.Revision
	same := must[motacilla.Channel](s)(s.PutChannel(s.ctx, next, reopened.Changed))
	equalChannel(s, "after no change", same, reopened)
	s.untouched("a put without a change", "c", q.Revision)
}

func testChannelConflict(s *suite) {
	made := s.channel("c")
	s.hand.Move(time.Second)
	titled := s.retitle("c", "New")
	p := s.text("c", "one")
	now := titled
	now.Head = p.Revision
	next := now
	next.Title = "Newer"
	for _, rev := range wrong(titled.Changed, made.Changed, p.Revision) {
		what := fmt.Sprintf("replacing revision %d instead of %d", rev, titled.Changed)
		for _, c := range []motacilla.Channel{next, now} {
			there, err := s.PutChannel(s.ctx, c, rev)
			want(s, "a put "+what, err, motacilla.ErrConflict)
			equalChannel(s, "the channel there is, after "+what, there, now)
		}
		s.untouched(what, "c", p.Revision)
		equalChannel(s, "after "+what, must[motacilla.Channel](s)(s.Channel(s.ctx, "c")), now)
	}
	changed := must[motacilla.Channel](s)(s.PutChannel(s.ctx, next, titled.Changed))
	_, err := s.PutChannel(s.ctx, next, titled.Changed)
	want(s, "the same put again", err, motacilla.ErrConflict)
	rev := s.deleteChannel("c")
	for _, replaces := range []motacilla.Revision{made.Changed, changed.Changed, rev} {
		_, err = s.PutChannel(s.ctx, next, replaces)
		want(s, "replace a deleted channel", err, motacilla.ErrNotFound)
	}
	again := s.channel("c")
	_, err = s.PutChannel(s.ctx, next, changed.Changed)
	want(s, "replace a channel of an earlier life", err, motacilla.ErrConflict)
	s.untouched("replacing a channel of an earlier life", "c", again.Head)
}
