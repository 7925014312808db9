package storagetest

import (
	"context"
	"errors"
	"slices"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// What is passed to the store and what it returns belongs to the caller, who may change it.
func testOwnership(s *suite) {
	first := s.channel("c").Head
	content := []motacilla.Block{motacilla.PlainText("one"), motacilla.PlainText("two")}
	made := s.post("c", motacilla.Post{Show: true, MessageID: "m", Pinned: true, Content: content})
	expected := made.Clone()
	spoil := func(blocks []motacilla.Block) {
		for i := range blocks {
			blocks[i] = motacilla.PlainText("spoilt")
		}
		_ = append(blocks[:0], motacilla.PlainText("spoilt"))
	}
	check := func(what string) {
		s.Helper()
		equalPost(s, "after spoiling "+what, must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), expected)
	}
	spoil(content)
	check("what was passed to PutPost for a new post")
	spoil(made.Content)
	check("what PutPost returned for a new post")
	there, err := s.PutPost(s.ctx, "c", motacilla.Post{MessageID: "m"}, 0)
	want(s, "create again", err, motacilla.ErrExists)
	spoil(there.Content)
	check("what PutPost returned with ErrExists")
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

	next := expected
	next.Content = []motacilla.Block{motacilla.PlainText("three"), motacilla.PlainText("four")}
	changed := must[motacilla.Post](s)(s.PutPost(s.ctx, "c", next, expected.Revision))
	expected = changed.Clone()
	spoil(next.Content)
	check("what was passed to PutPost")
	spoil(changed.Content)
	check("what PutPost returned")
	same := s.edit("c", made.ID, func(*motacilla.Post) {})
	spoil(same.Content)
	check("what PutPost returned without a change")
	there, err = s.PutPost(s.ctx, "c", expected, made.Revision)
	want(s, "replace an earlier revision", err, motacilla.ErrConflict)
	spoil(there.Content)
	check("what PutPost returned with ErrConflict")

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

// every calls each method of the store but Watch and Close, the writes last, and returns their errors.
func (s *suite) every(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) map[string]error {
	errs := make(map[string]error)
	_, errs["Channel"] = s.Channel(ctx, ch)
	_, errs["Channels"] = s.Channels(ctx, "", 0)
	_, errs["Post"] = s.Post(ctx, ch, p.ID)
	_, errs["PostByMessage"] = s.PostByMessage(ctx, ch, p.MessageID)
	_, errs["Posts"] = s.Posts(ctx, ch, motacilla.Query{})
	_, errs["Changes"] = s.Changes(ctx, ch, p.Revision, 0)
	_, errs["Heads"] = s.Heads(ctx, []motacilla.ChannelID{ch})
	errs["Ping"] = s.Ping(ctx)
	_, errs["Records.Get"] = s.Records().Get(ctx, "every", "key")
	_, errs["Records.List"] = s.Records().List(ctx, "every", "", "", 0)
	_, errs["Records.Namespaces"] = s.Records().Namespaces(ctx, "", 0)
	_, errs["Records.Put"] = s.Records().Put(ctx, storage.Record{Namespace: "every", Key: "key"})
	errs["Records.Delete"] = s.Records().Delete(ctx, "every", "key", 1)
	_, errs["PutChannel, new"] = s.PutChannel(ctx, motacilla.Channel{ID: "new"}, 0)
	_, errs["PutChannel"] = s.PutChannel(ctx, motacilla.Channel{ID: ch, Title: "new"}, p.Revision-1)
	_, errs["PutPost, new"] = s.PutPost(ctx, ch, motacilla.Post{MessageID: "new"}, 0)
	_, errs["PutPost"] = s.PutPost(ctx, ch, motacilla.Post{ID: p.ID, Author: "new"}, p.Revision)
	_, errs["DeletePost"] = s.DeletePost(ctx, ch, p.ID, 0)
	_, errs["DeleteChannel"] = s.DeleteChannel(ctx, ch)
	return errs
}

// everyMove calls each method of storage.Mover.
func (s *suite) everyMove(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) map[string]error {
	errs := make(map[string]error)
	_, errs["ChannelRecords"] = s.ChannelRecords(ctx, "", 0)
	_, errs["ChangeRecords"] = s.ChangeRecords(ctx, ch, 0, 0)
	errs["Import"] = s.Import(ctx, motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: "new", Changed: p.Revision, Head: p.Revision}, Born: p.Revision, Floor: p.Revision,
	}, nil)
	_, errs["Barrier"] = s.Barrier(ctx, ch, 0)
	return errs
}

func testCancelled(s *suite) {
	s.cancelled(s.every)
	if err := s.Ping(s.ctx); err != nil {
		s.Fatalf("Ping: %v", err)
	}
}

func testMoveCancelled(s *suite) { s.cancelled(s.everyMove) }

func (s *suite) cancelled(every func(context.Context, motacilla.ChannelID, motacilla.Post) map[string]error) {
	s.Helper()
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m"})
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	for name, err := range every(ctx, "c", p) {
		want(s, name+" with a context that has ended", err, context.Canceled)
	}
	if err := s.Watch(ctx, func(motacilla.Moved) {}); err != nil {
		s.Fatalf("Watch with a context that has ended: %v", err)
	}
	s.untouched("calls whose context had ended", "c", p.Revision)
	_, err := s.Channel(s.ctx, "new")
	want(s, "get a channel that was not made", err, motacilla.ErrNotFound)
}

func testClosed(s *suite) {
	watching := s.watch()
	s.closed(s.every)
	if err := watching.wait(s); err != nil && !errors.Is(err, motacilla.ErrClosed) {
		s.Fatalf("Watch ended by Close: %v", err)
	}
	want(s, "Watch after Close", s.Watch(s.ctx, func(motacilla.Moved) {}), motacilla.ErrClosed)
}

func testMoveClosed(s *suite) { s.closed(s.everyMove) }

func (s *suite) closed(every func(context.Context, motacilla.ChannelID, motacilla.Post) map[string]error) {
	s.Helper()
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m"})
	for range 2 {
		if err := s.Close(); err != nil {
			s.Fatalf("Close: %v", err)
		}
	}
	for name, err := range every(s.ctx, "c", p) {
		want(s, name+" after Close", err, motacilla.ErrClosed)
	}
}
