package storagetest

import (
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
)

func testPostEdit(s *suite) {
	s.channel("c")
	made := s.post("c", motacilla.Post{
		MessageID: "m", Source: "webapp", Author: "A", Show: true, Content: []motacilla.Block{motacilla.Text("one")},
	})
	s.hand.Move(time.Minute)
	other := motacilla.NewPostID(s.hand.Now())
	got := s.edit("c", made.ID, func(p *motacilla.Post) {
		equalPost(s, "what edit sees", *p, made)
		p.Author, p.SourceVersion, p.Show, p.Pinned, p.KeyEvent = "B", 7, false, true, true
		p.Content = append(p.Content, motacilla.Text("two"))
		p.Content[0] = motacilla.Text("uno")
		p.ID, p.MessageID, p.Source, p.Revision, p.Modified = other, "n", "slack", 1, time.Time{}
	})
	rev := motacilla.NextRevision(made.Revision, s.hand.Now())
	expected := made
	expected.Author, expected.SourceVersion, expected.Show, expected.Pinned, expected.KeyEvent = "B", 7, false, true, true
	expected.Content = []motacilla.Block{motacilla.Text("uno"), motacilla.Text("two")}
	expected.Revision, expected.Modified = rev, rev.Time()
	equalPost(s, "the changed post", got, expected)
	equalPost(s, "by ID", must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), expected)
	equalPost(s, "by message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "m")), expected)
	_, err := s.PostByMessage(s.ctx, "c", "n")
	want(s, "get the message that an edit made up", err, motacilla.ErrNotFound)
	_, err = s.Post(s.ctx, "c", other)
	want(s, "get the ID that an edit made up", err, motacilla.ErrNotFound)
	equal(s, "head", s.head("c"), rev)

	// Showing is no rewording.
	s.hand.Move(time.Minute)
	got = s.edit("c", made.ID, func(p *motacilla.Post) { p.Show = true })
	if !got.Modified.Equal(expected.Modified) || got.Revision <= rev {
		s.Fatalf("shown again: %+v", got)
	}
	same := s.edit("c", made.ID, func(p *motacilla.Post) {
		p.Content = []motacilla.Block{motacilla.Text("uno"), motacilla.Text("two")}
		p.Revision++
	})
	equalPost(s, "after no change", same, got)
	s.untouched("an edit without a change", "c", got.Revision)

	own := errors.New("own")
	_, err = s.UpdatePost(s.ctx, "c", made.ID, func(p *motacilla.Post) error {
		p.Author, p.Content[0] = "never", motacilla.Text("never")
		return own
	})
	if err != own { //nolint:errorlint // it is to come back as it is
		s.Fatalf("an edit's error came back as %v", err)
	}
	s.untouched("an edit that fails", "c", got.Revision)
	equalPost(s, "after an edit that fails", must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), got)
	_, err = s.UpdatePost(s.ctx, "c", other, func(*motacilla.Post) error { return own })
	want(s, "update a post that is not there", err, motacilla.ErrNotFound)
}

// An edit compares versions where its source has them: an older one that comes late changes nothing.
func testPostSourceVersion(s *suite) {
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m", SourceVersion: 10, Show: true, Author: "10"})
	stale := errors.New("stale")
	deliver := func(version int64, author string) error {
		_, err := s.UpdatePost(s.ctx, "c", p.ID, func(p *motacilla.Post) error {
			if version <= p.SourceVersion {
				return stale
			}
			p.SourceVersion, p.Author = version, author
			return nil
		})
		return err
	}
	for _, d := range []struct {
		version int64
		err     error
		author  string
	}{{12, nil, "12"}, {11, stale, "12"}, {12, stale, "12"}, {1 << 60, nil, "new"}, {13, stale, "new"}} {
		want(s, "deliver", deliver(d.version, d.author), d.err)
		equal(s, "author", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)).Author, d.author)
	}
	before := s.head("c")
	s.edit("c", p.ID, func(p *motacilla.Post) { p.SourceVersion++ })
	if s.head("c") == before {
		s.Fatalf("a new source version is no change")
	}
}

func testPostCheck(s *suite) {
	s.channel("c")
	p := s.text("c", "one")
	p = s.reword("c", p.ID, "two")
	own := errors.New("own")
	_, err := s.DeletePost(s.ctx, "c", p.ID, func(seen motacilla.Post) error {
		equalPost(s, "what check sees", seen, p)
		seen.Content[0] = motacilla.Text("never")
		return own
	})
	if err != own { //nolint:errorlint // it is to come back as it is
		s.Fatalf("a check's error came back as %v", err)
	}
	s.untouched("a check that fails", "c", p.Revision)
	equalPost(s, "after a check that fails", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)), p)
	rev := must[motacilla.Revision](s)(s.DeletePost(s.ctx, "c", p.ID, func(seen motacilla.Post) error {
		equalPost(s, "what check sees", seen, p)
		return nil
	}))
	equal(s, "head", s.head("c"), rev)
	_, err = s.DeletePost(s.ctx, "c", p.ID, func(motacilla.Post) error {
		s.Errorf("check was asked about a post that is gone")
		return nil
	})
	want(s, "delete again", err, motacilla.ErrNotFound)
}
