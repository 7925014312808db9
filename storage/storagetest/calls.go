package storagetest

import (
	"context"
	"errors"
	"slices"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// What is passed in and what comes out is the caller's: to change it changes nothing in the store.
func testOwnership(s *suite) {
	first := s.channel("c").Head
	content := []motacilla.Block{motacilla.Text("one"), motacilla.Text("two")}
	made := s.post("c", motacilla.Post{Show: true, MessageID: "m", Pinned: true, Content: content})
	expected := made.Clone()
	spoil := func(blocks []motacilla.Block) {
		for i := range blocks {
			blocks[i] = motacilla.Text("spoilt")
		}
		_ = append(blocks[:0], motacilla.Text("spoilt"))
	}
	check := func(what string) {
		s.Helper()
		equalPost(s, "after spoiling "+what, must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), expected)
	}
	spoil(content)
	check("what was passed to CreatePost")
	spoil(made.Content)
	check("what CreatePost returned")
	there, err := s.CreatePost(s.ctx, "c", motacilla.Post{MessageID: "m"})
	want(s, "create again", err, motacilla.ErrExists)
	spoil(there.Content)
	check("what CreatePost returned with ErrExists")
	spoil(must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)).Content)
	check("what Post returned")
	spoil(must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "m")).Content)
	check("what PostByMessage returned")
	for _, q := range []motacilla.Query{{}, {Pinned: true}} {
		posts := s.page("c", q).Posts
		spoil(posts[0].Content)
		posts[0] = motacilla.Post{}
		check("what Posts returned")
		equalPosts(s, "posts", s.page("c", q).Posts, []motacilla.Post{expected})
	}

	mine := []motacilla.Block{motacilla.Text("three")}
	var seen *motacilla.Post
	changed := s.edit("c", made.ID, func(p *motacilla.Post) {
		p.Content = mine
		seen = p
	})
	expected = changed.Clone()
	spoil(mine)
	seen.Author = "spoilt"
	spoil(seen.Content)
	check("what an edit held on to")
	spoil(changed.Content)
	check("what UpdatePost returned")
	same := s.edit("c", made.ID, func(*motacilla.Post) {})
	spoil(same.Content)
	check("what UpdatePost returned without a change")
	_, _ = s.UpdatePost(s.ctx, "c", made.ID, func(p *motacilla.Post) error {
		spoil(p.Content)
		return errors.New("no")
	})
	check("what an edit that fails was given")
	_, _ = s.DeletePost(s.ctx, "c", made.ID, func(p motacilla.Post) error {
		spoil(p.Content)
		return errors.New("no")
	})
	check("what a check that fails was given")

	s.retitle("c", "New")
	s.deletePost("c", s.text("c", "gone").ID)
	before, again := s.changes("c", first, 0), s.changes("c", first, 0)
	spoil(again.Posts[0].Content)
	again.Posts[0], again.Removed[0], again.Channel.Title = motacilla.Post{}, motacilla.Removal{}, "spoilt"
	for i := range again.Issued {
		again.Issued[i] = 0
	}
	check("what Changes returned")
	again = s.changes("c", first, 0)
	equalPosts(s, "changes after spoiling", again.Posts, before.Posts)
	equalList(s, "removals after spoiling", again.Removed, before.Removed)
	equalList(s, "issued after spoiling", again.Issued, before.Issued)
	equal(s, "title after spoiling", again.Channel.Title, "New")

	list := must[[]motacilla.Channel](s)(s.Channels(s.ctx, "", 0))
	list[0].Title = "spoilt"
	heads := must[map[motacilla.ChannelID]motacilla.Revision](s)(s.Heads(s.ctx, []motacilla.ChannelID{"c"}))
	clear(heads)
	list = must[[]motacilla.Channel](s)(s.Channels(s.ctx, "", 0))
	equal(s, "title in the list", list[0].Title, "New")
	if !slices.Equal(s.all("c")[0].Content, expected.Content) {
		s.Fatalf("content is %v", s.all("c")[0].Content)
	}
}

// every calls each method of the store but Watch and Close, the writes last.
func (s *suite) every(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) map[string]error {
	errs := make(map[string]error)
	_, errs["Channel"] = s.Channel(ctx, ch)
	_, errs["Channels"] = s.Channels(ctx, "", 0)
	_, errs["Post"] = s.Post(ctx, ch, p.ID)
	_, errs["PostByMessage"] = s.PostByMessage(ctx, ch, p.MessageID)
	_, errs["Posts"] = s.Posts(ctx, ch, motacilla.Query{})
	_, errs["Changes"] = s.Changes(ctx, ch, p.Revision, 0)
	_, errs["Heads"] = s.Heads(ctx, []motacilla.ChannelID{ch})
	_, errs["ChannelRecords"] = s.ChannelRecords(ctx, "", 0)
	_, errs["ChangeRecords"] = s.ChangeRecords(ctx, ch, 0, 0)
	errs["Ping"] = s.Ping(ctx)
	_, errs["Records.Get"] = s.Records().Get(ctx, "every", "key")
	_, errs["Records.List"] = s.Records().List(ctx, "every", "", "", 0)
	_, errs["Records.Namespaces"] = s.Records().Namespaces(ctx, "", 0)
	_, errs["Records.Put"] = s.Records().Put(ctx, storage.Record{Namespace: "every", Key: "key"})
	errs["Records.Delete"] = s.Records().Delete(ctx, "every", "key", 1)
	errs["Import"] = s.Import(ctx, motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: "new", Head: p.Revision}, Born: p.Revision, Changed: p.Revision, Floor: p.Revision,
	}, nil)
	_, errs["Barrier"] = s.Barrier(ctx, ch, 0)
	_, errs["CreateChannel"] = s.CreateChannel(ctx, motacilla.Channel{ID: "new"})
	_, errs["UpdateChannel"] = s.UpdateChannel(ctx, ch, func(c *motacilla.Channel) error { c.Title = "new"; return nil })
	_, errs["CreatePost"] = s.CreatePost(ctx, ch, motacilla.Post{MessageID: "new"})
	_, errs["UpdatePost"] = s.UpdatePost(ctx, ch, p.ID, func(p *motacilla.Post) error { p.Author = "new"; return nil })
	_, errs["DeletePost"] = s.DeletePost(ctx, ch, p.ID, nil)
	_, errs["DeleteChannel"] = s.DeleteChannel(ctx, ch)
	return errs
}

func testCancelled(s *suite) {
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m"})
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	for name, err := range s.every(ctx, "c", p) {
		want(s, name+" with a context that has ended", err, context.Canceled)
	}
	if err := s.Watch(ctx, func(motacilla.Moved) {}); err != nil {
		s.Fatalf("Watch with a context that has ended: %v", err)
	}
	s.untouched("calls whose context had ended", "c", p.Revision)
	_, err := s.Channel(s.ctx, "new")
	want(s, "get a channel that was not made", err, motacilla.ErrNotFound)
	if err := s.Ping(s.ctx); err != nil {
		s.Fatalf("Ping: %v", err)
	}
}

func testClosed(s *suite) {
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m"})
	watching := s.watch()
	for range 2 {
		if err := s.Close(); err != nil {
			s.Fatalf("Close: %v", err)
		}
	}
	if err := watching.wait(s); err != nil && !errors.Is(err, motacilla.ErrClosed) {
		s.Fatalf("Watch ended by Close: %v", err)
	}
	for name, err := range s.every(s.ctx, "c", p) {
		want(s, name+" after Close", err, motacilla.ErrClosed)
	}
	want(s, "Watch after Close", s.Watch(s.ctx, func(motacilla.Moved) {}), motacilla.ErrClosed)
}
