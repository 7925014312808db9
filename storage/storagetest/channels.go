package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

func testChannels(s *suite) {
	_, err := s.Channel(s.ctx, "none")
	want(s, "get a channel that never was", err, motacilla.ErrNotFound)
	if list := must[[]motacilla.Channel](s)(s.Channels(s.ctx, "", 0)); len(list) != 0 {
		s.Fatalf("an empty store lists %v", list)
	}

	zone := time.FixedZone("east", 3600)
	ended := time.Date(2026, 5, 1, 12, 0, 0, 999_999_999, zone)
	made := must[motacilla.Channel](s)(s.PutChannel(s.ctx, motacilla.Channel{
		ID: "match-42", Title: "Line\nbreak, \"quotes\", 'ticks', \\ % _ ü 🐦", Access: motacilla.Private, Ended: ended,
		Created: ended, Changed: 76, Head: 77,
	}, 0))
	rev := motacilla.NextRevision(0, s.hand.Now())
	expected := motacilla.Channel{
		ID: "match-42", Title: "Line\nbreak, \"quotes\", 'ticks', \\ % _ ü 🐦", Access: motacilla.Private,
		Created: rev.Time(), Ended: motacilla.Micro(ended), Changed: rev, Head: rev,
	}
	equalChannel(s, "the channel that was made", made, expected)
	equalChannel(s, "the channel that is read", must[motacilla.Channel](s)(s.Channel(s.ctx, "match-42")), expected)

	there, err := s.PutChannel(s.ctx, motacilla.Channel{ID: "match-42", Title: "Another"}, 0)
	want(s, "make a channel again", err, motacilla.ErrExists)
	equalChannel(s, "the channel there is", there, expected)
	equalChannel(s, "after that", must[motacilla.Channel](s)(s.Channel(s.ctx, "match-42")), expected)
	equal(s, "default access", s.channel("open").Access, motacilla.Public)

	// A change of the channel's posts moves its head and nothing else.
	s.hand.Move(time.Second)
	p := s.text("match-42", "one")
	expected.Head = p.Revision
	equalChannel(s, "with a post", must[motacilla.Channel](s)(s.Channel(s.ctx, "match-42")), expected)

	s.deleteChannel("match-42")
	_, err = s.Channel(s.ctx, "match-42")
	want(s, "get a deleted channel", err, motacilla.ErrNotFound)
	_, err = s.DeleteChannel(s.ctx, "match-42")
	want(s, "delete a channel again", err, motacilla.ErrNotFound)
	_, err = s.DeleteChannel(s.ctx, "none")
	want(s, "delete a channel that never was", err, motacilla.ErrNotFound)
	for _, ch := range []motacilla.ChannelID{"match-42", "none"} {
		_, err = s.PutChannel(s.ctx, motacilla.Channel{ID: ch}, expected.Changed)
		want(s, "replace a channel that is not there", err, motacilla.ErrNotFound)
		_, err = s.PutPost(s.ctx, ch, motacilla.Post{Show: true}, 0)
		want(s, "post to a channel that is not there", err, motacilla.ErrNotFound)
		_, err = s.PutPost(s.ctx, ch, p, p.Revision)
		want(s, "replace a post of a channel that is not there", err, motacilla.ErrNotFound)
		_, err = s.DeletePost(s.ctx, ch, p.ID, 0)
		want(s, "delete a post of a channel that is not there", err, motacilla.ErrNotFound)
		_, err = s.Post(s.ctx, ch, p.ID)
		want(s, "get a post of a channel that is not there", err, motacilla.ErrNotFound)
		_, err = s.PostByMessage(s.ctx, ch, "m")
		want(s, "get a message of a channel that is not there", err, motacilla.ErrNotFound)
		_, err = s.Posts(s.ctx, ch, motacilla.Query{})
		want(s, "list posts of a channel that is not there", err, motacilla.ErrNotFound)
	}
}

func testChannelIDs(s *suite) {
	given := []motacilla.ChannelID{
		"b", "B", "a", "A", "a.b", "a-b", "a_b", "a~b", "a:b", "a@b", "a+b", "ab", "0", "..a", "Z",
		motacilla.ChannelID(strings.Repeat("x", motacilla.MaxID)),
	}
	for _, id := range given {
		s.channel(id)
		s.text(id, "of "+string(id))
	}
	for _, id := range given {
		if list := s.all(id); len(list) != 1 || list[0].Content[0].Text.String() != "of "+string(id) {
			s.Fatalf("channel %q has the posts %v", id, list)
		}
	}
	sorted := slices.Sorted(slices.Values(given))
	for _, limit := range []int{1, 2, 5, len(given), 1000} {
		var listed []motacilla.ChannelID
		for after := motacilla.ChannelID(""); ; {
			list := must[[]motacilla.Channel](s)(s.Channels(s.ctx, after, limit))
			if len(list) > limit {
				s.Fatalf("%d channels with limit %d", len(list), limit)
			}
			for _, c := range list {
				listed = append(listed, c.ID)
				equalChannel(s, "listed channel", c, must[motacilla.Channel](s)(s.Channel(s.ctx, c.ID)))
			}
			if len(list) == 0 {
				break
			}
			after = listed[len(listed)-1]
		}
		equalList(s, fmt.Sprintf("channels by %d", limit), listed, sorted)
	}
	// The ID to go on after need not be there.
	list := must[[]motacilla.Channel](s)(s.Channels(s.ctx, "a/", 1))
	equal(s, "channel after a/", list[0].ID, "a:b")

	s.deleteChannel("a.b")
	list = must[[]motacilla.Channel](s)(s.Channels(s.ctx, "a-b", 1))
	equal(s, "channel after a deleted one", list[0].ID, "a:b")

	for i := range motacilla.DefaultLimit {
		s.channel(motacilla.ChannelID(fmt.Sprintf("more-%02d", i)))
	}
	list = must[[]motacilla.Channel](s)(s.Channels(s.ctx, "", 0))
	equal(s, "number of channels with limit 0", len(list), motacilla.DefaultLimit)

	for _, id := range impossible {
		_, err := s.Channel(s.ctx, motacilla.ChannelID(id))
		want(s, fmt.Sprintf("get channel %q", id), err, motacilla.ErrNotFound)
		_, err = s.Changes(s.ctx, motacilla.ChannelID(id), 0, 0)
		want(s, fmt.Sprintf("changes of channel %q", id), err, motacilla.ErrNotFound)
		_, err = s.Post(s.ctx, "a", motacilla.PostID(id))
		want(s, fmt.Sprintf("get post %q", id), err, motacilla.ErrNotFound)
		_, err = s.DeletePost(s.ctx, "a", motacilla.PostID(id), 0)
		want(s, fmt.Sprintf("delete post %q", id), err, motacilla.ErrNotFound)
		_, err = s.PostByMessage(s.ctx, "a", id)
		want(s, fmt.Sprintf("get message %q", id), err, motacilla.ErrNotFound)
	}
}

// impossible is IDs that nothing can have.
var impossible = []string{"", ".", "..", "a/b", "a\x00b", "\xff", "' or 1=1 --", strings.Repeat("x", 300), "*", "%", "ü"}

func testChannelAnew(s *suite) {
	first := s.channel("c")
	old := s.post("c", motacilla.Post{MessageID: "m", Show: true})
	gone := s.post("c", motacilla.Post{MessageID: "n", Show: true})
	s.deletePost("c", gone.ID)
	s.hand.Move(time.Second)
	deleted := s.deleteChannel("c")

	s.hand.Move(-time.Hour)
	again := must[motacilla.Channel](s)(s.PutChannel(s.ctx, motacilla.Channel{ID: "c", Title: "Anew"}, 0))
	equal(s, "revision of the new life", again.Head, deleted+1)
	equal(s, "its title", again.Title, "Anew")
	if again.Created.Before(s.hand.Now().Add(-time.Second)) {
		s.Fatalf("made anew, it was created at %v", again.Created)
	}
	if list := s.all("c"); len(list) > 0 {
		s.Fatalf("made anew, the channel has posts: %v", list)
	}
	for _, since := range []motacilla.Revision{first.Head, old.Revision, old.Revision + 1, deleted} {
		c := s.changes("c", since, 0)
		if c.Known || c.Deleted || c.Head != again.Head || c.Floor != again.Head {
			s.Fatalf("changes since %d of the life before: %+v", since, c)
		}
	}
	if c := s.changes("c", again.Head, 0); !c.Known || c.Channel != nil || len(c.Issued) > 0 {
		s.Fatalf("changes since the beginning of the new life: %+v", c)
	}
	for _, p := range []motacilla.Post{old, gone} {
		_, err := s.PostByMessage(s.ctx, "c", p.MessageID)
		want(s, "a message of the life before", err, motacilla.ErrNotFound)
		_, err = s.Post(s.ctx, "c", p.ID)
		want(s, "a post of the life before", err, motacilla.ErrNotFound)
	}
	for i, p := range []motacilla.Post{old, gone} {
		made := s.post("c", motacilla.Post{ID: p.ID, MessageID: p.MessageID})
		equal(s, "revision of a post made anew", made.Revision, again.Head+1+motacilla.Revision(i))
	}
	twice := s.deleteChannel("c")
	equal(s, "revision of the second deletion", twice, deleted+4)
	if c := s.changes("c", old.Revision, 0); c.Known || !c.Deleted || c.Head != twice {
		s.Fatalf("changes since a life before the one that ended: %+v", c)
	}
}

func testChannelValidation(s *suite) {
	s.channel("there")
	head := s.head("there")
	long := strings.Repeat("x", motacilla.MaxTitle+1)
	for _, c := range []motacilla.Channel{
		{ID: ""}, {ID: "."}, {ID: "..."}, {ID: "a b"}, {ID: "a/b"}, {ID: "ü"}, {ID: "a\x00"},
		{ID: motacilla.ChannelID(strings.Repeat("x", motacilla.MaxID+1))},
		{ID: "new", Title: long}, {ID: "new", Title: "\xff"}, {ID: "new", Title: "a\x00b"},
		{ID: "new", Access: "secret"},
		{ID: "new", Ended: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{ID: "new", Ended: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := s.PutChannel(s.ctx, c, 0)
		wantInvalid(s, fmt.Sprintf("create %.60v", c), err)
	}
	list := must[[]motacilla.Channel](s)(s.Channels(s.ctx, "", 0))
	equal(s, "number of channels", len(list), 1)
	_, err := s.Changes(s.ctx, "new", 0, 0)
	want(s, "changes of a channel that was refused", err, motacilla.ErrNotFound)

	for name, edit := range map[string]func(c *motacilla.Channel){
		"title":  func(c *motacilla.Channel) { c.Title = long },
		"utf-8":  func(c *motacilla.Channel) { c.Title = "\xff" },
		"nul":    func(c *motacilla.Channel) { c.Title = "\x00" },
		"access": func(c *motacilla.Channel) { c.Access = "secret" },
		"ended":  func(c *motacilla.Channel) { c.Ended = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		c := must[motacilla.Channel](s)(s.Channel(s.ctx, "there"))
		edit(&c)
		_, err := s.PutChannel(s.ctx, c, c.Changed)
		wantInvalid(s, "replace with a bad "+name, err)
	}
	s.untouched("invalid input", "there", head)
	equal(s, "title", must[motacilla.Channel](s)(s.Channel(s.ctx, "there")).Title, "Title of there")
}
