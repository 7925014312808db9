package storagetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

func testRevisions(s *suite) {
	c := s.channel("c")
	equal(s, "first revision", c.Head, motacilla.Revision(s.hand.Now().UnixMicro()))
	head := c.Head
	p := s.text("c", "x")
	step := func(what string, rev motacilla.Revision) {
		s.Helper()
		expected := motacilla.NextRevision(head, s.hand.Now())
		equal(s, what, rev, expected)
		equal(s, "head after "+what, s.head("c"), expected)
		head = rev
	}
	step("a post in the same microsecond", p.Revision)
	for i, d := range []time.Duration{0, time.Microsecond, time.Second, -time.Hour, 0, time.Millisecond, 2 * time.Hour, -1, 999} {
		s.hand.Move(d)
		at := fmt.Sprintf(" at step %d", i)
		q := s.text("c", "x")
		step("a post"+at, q.Revision)
		step("an edit"+at, s.reword("c", p.ID, at).Revision)
		step("a title"+at, s.retitle("c", at).Head)
		step("a removal"+at, s.deletePost("c", q.ID))
	}
	equal(s, "revision of another channel", s.channel("d").Head, motacilla.Revision(s.hand.Now().UnixMicro()))
	step("the deletion", func() motacilla.Revision {
		rev := s.deleteChannel("c")
		s.channel("c")
		head++
		return rev + 1
	}())
}

func testChanges(s *suite) {
	_, err := s.Changes(s.ctx, "c", 0, 0)
	want(s, "changes of a channel that never was", err, motacilla.ErrNotFound)
	first := s.channel("c").Head
	c := s.changes("c", first, 0)
	if !c.Known || c.Head != first || c.Floor != first || c.Channel != nil || c.Deleted || c.Truncated ||
		len(c.Posts)+len(c.Removed)+len(c.Issued) > 0 {
		s.Fatalf("changes since the head of a new channel: %+v", c)
	}
	s.hand.Move(time.Second)
	a, b, d := s.text("c", "a"), s.text("c", "b"), s.text("c", "d")
	hidden := s.edit("c", b.ID, func(p *motacilla.Post) { p.Show = false })
	a2 := s.reword("c", a.ID, "a2")
	back := s.post("c", motacilla.Post{Show: true, Created: s.hand.Now().Add(-time.Hour)})
	a3 := s.reword("c", a.ID, "a3")
	gone := s.deletePost("c", d.ID)
	issued := []motacilla.Revision{
		a.Revision, b.Revision, d.Revision, hidden.Revision, a2.Revision, back.Revision, a3.Revision, gone,
	}
	removal := motacilla.Removal{ID: d.ID, Revision: gone}
	for i, since := range append([]motacilla.Revision{first}, issued...) {
		c := s.changes("c", since, 0)
		what := fmt.Sprintf("changes since step %d: ", i)
		equal(s, what+"known", c.Known, true)
		equal(s, what+"head", c.Head, gone)
		equal(s, what+"floor", c.Floor, first)
		equalList(s, what+"issued", c.Issued, issued[i:])
		var posts []motacilla.Post
		for _, p := range []motacilla.Post{hidden, back, a3} {
			if p.Revision > since {
				posts = append(posts, p)
			}
		}
		equalPosts(s, what+"posts, oldest change first, hidden ones too", c.Posts, posts)
		var removed []motacilla.Removal
		if since < gone {
			removed = append(removed, removal)
		}
		equalList(s, what+"removed", c.Removed, removed)
		if c.Channel != nil {
			s.Fatalf("%schannel is there and did not change", what)
		}
	}
	e := s.text("c", "e")
	later := s.deletePost("c", e.ID)
	equalList(s, "removals, oldest first", s.changes("c", first, 0).Removed,
		[]motacilla.Removal{removal, {ID: e.ID, Revision: later}})
}

func testChangesOfChannel(s *suite) {
	made := s.channel("c")
	s.hand.Move(time.Second)
	p := s.text("c", "a")
	titled := s.retitle("c", "New")
	q := s.text("c", "b")
	for _, since := range []motacilla.Revision{made.Head, p.Revision} {
		c := s.changes("c", since, 0)
		if c.Channel == nil {
			s.Fatalf("no channel since %d", since)
		}
		expected := titled
		expected.Head = q.Revision
		equalChannel(s, "channel", *c.Channel, expected)
	}
	for _, since := range []motacilla.Revision{titled.Head, q.Revision} {
		if c := s.changes("c", since, 0); c.Channel != nil {
			s.Fatalf("channel since %d, and its state did not change", since)
		}
	}
	titled.Ended = s.hand.Now()
	ended := must[motacilla.Channel](s)(s.PutChannel(s.ctx, titled, titled.Changed))
	c := s.changes("c", q.Revision, 0)
	if c.Channel == nil || len(c.Posts) > 0 {
		s.Fatalf("changes since a channel ended: %+v", c)
	}
	equalChannel(s, "ended channel", *c.Channel, ended)
	equalList(s, "issued", c.Issued, []motacilla.Revision{ended.Head})
}

func testChangesTruncated(s *suite) {
	first := s.channel("c").Head
	posts := s.texts("c", 6)
	s.retitle("c", "New")
	for _, p := range posts {
		s.reword("c", p.ID, "again")
	}
	gone := s.deletePost("c", posts[0].ID)
	for _, limit := range []int{1, 5, 6, 7, 0} {
		c := s.changes("c", first, limit)
		truncated := limit == 1 || limit == 5
		equal(s, fmt.Sprintf("truncated at %d", limit), c.Truncated, truncated)
		if !c.Known || c.Head != gone || c.Floor != first || c.Channel == nil {
			s.Fatalf("changes with limit %d: %+v", limit, c)
		}
		if !truncated && (len(c.Posts) != 5 || len(c.Removed) != 1 || len(c.Issued) != 14) {
			s.Fatalf("changes with limit %d: %+v", limit, c)
		}
	}
	if c := s.changes("c", gone, 1); c.Truncated {
		s.Fatalf("nothing at all is truncated")
	}
}

func testChangesUnknown(s *suite) {
	s.hand.Move(time.Hour)
	first := s.channel("c").Head
	s.hand.Move(time.Second)
	p := s.text("c", "a")
	s.hand.Move(time.Second)
	q := s.text("c", "b")
	head := q.Revision
	for _, since := range []motacilla.Revision{
		0, -1, -1 << 63, 1, first - 1, first + 1, p.Revision - 1, p.Revision + 1, head - 1, head + 1, 1<<63 - 1,
	} {
		c := s.changes("c", since, 0)
		if c.Known || c.Head != head || c.Floor != first || c.Deleted {
			s.Fatalf("changes since %d, which was never issued: %+v", since, c)
		}
	}
}

func testChangesOfDeleted(s *suite) {
	first := s.channel("c").Head
	p := s.text("c", "a")
	s.retitle("c", "New")
	s.hand.Move(time.Second)
	rev := s.deleteChannel("c")
	for since, known := range map[motacilla.Revision]bool{
		first: true, p.Revision: true, rev: true, 0: false, -1: false, first - 1: false, rev - 1: false, rev + 1: false,
	} {
		c := s.changes("c", since, 1)
		equal(s, fmt.Sprintf("known of a deleted channel, %d", since-first), c.Known, known)
		if !c.Deleted || c.Head != rev {
			s.Fatalf("changes of a deleted channel: %+v", c)
		}
	}
}

func testHeads(s *suite) {
	a, b := s.channel("a"), s.channel("b")
	s.hand.Move(time.Second)
	p := s.text("a", "x")
	s.channel("gone")
	gone := s.deleteChannel("gone")
	asked := []motacilla.ChannelID{"a", "none", "b", "gone", "a", "", "\xff"}
	heads := must[map[motacilla.ChannelID]motacilla.Revision](s)(s.Heads(s.ctx, asked))
	if len(heads) != 3 || heads["a"] != p.Revision || heads["b"] != b.Head || heads["gone"] != gone {
		s.Fatalf("heads are %v; a %d, b %d, gone %d", heads, p.Revision, b.Head, gone)
	}
	_ = a
	for _, none := range [][]motacilla.ChannelID{nil, {}, {"none"}} {
		if heads := must[map[motacilla.ChannelID]motacilla.Revision](s)(s.Heads(s.ctx, none)); len(heads) > 0 {
			s.Fatalf("heads of %v are %v", none, heads)
		}
	}
	many := make([]motacilla.ChannelID, 5000)
	for i := range many {
		many[i] = motacilla.ChannelID(fmt.Sprintf("none-%d", i))
	}
	many[4321] = "b"
	heads = must[map[motacilla.ChannelID]motacilla.Revision](s)(s.Heads(s.ctx, many))
	if len(heads) != 1 || heads["b"] != b.Head {
		s.Fatalf("heads of many are %v", heads)
	}
}

// A store remembers the newest storage.Remember revisions, and everything of the last storage.RememberHours. It may remember
// a little more, so as not to prune at every write, but not without end.
func testForgetting(s *suite) {
	if testing.Short() {
		s.Skip("many writes")
	}
	const slack = storage.Remember / 10
	first := s.channel("c").Head
	removed := s.post("c", motacilla.Post{MessageID: "m"})
	s.deletePost("c", removed.ID)
	kept := s.text("c", "kept")
	p := s.text("c", "edited")
	s.hand.Move(time.Second)
	posts := []motacilla.Post{p}
	for range 7 {
		posts = append(posts, s.text("c", "edited"))
	}
	write := func(n int) { // from several goroutines, for stores that commit together
		var wg sync.WaitGroup
		for w := range posts {
			wg.Go(func() {
				for range n / len(posts) {
					next := posts[w]
					next.SourceVersion++
					var err error
					if posts[w], err = s.PutPost(s.ctx, "c", next, posts[w].Revision); err != nil {
						s.Errorf("writer %d: %v", w, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if s.Failed() {
			s.FailNow()
		}
	}
	write(storage.Remember + slack)
	c := s.changes("c", first, 10)
	if !c.Known || c.Floor != first {
		s.Fatalf("of the last %d hours, known %v, floor %d, first %d", storage.RememberHours, c.Known, c.Floor, first)
	}
	equal(s, "number of revisions listed", len(c.Issued), motacilla.MaxIssued)
	for i, rev := range c.Issued { // of one microsecond, so each is one more than the one before
		equal(s, fmt.Sprintf("revision %d of the list", i), rev, c.Head-motacilla.Revision(motacilla.MaxIssued-1-i))
	}
	middle := s.head("c")

	s.hand.Move((storage.RememberHours + 1) * time.Hour)
	write(slack)
	c = s.changes("c", middle, 0)
	equal(s, "known of the newest that are promised", c.Known, true)
	equal(s, "number of revisions since", len(c.Issued), slack)
	head := c.Head
	c = s.changes("c", first, 10)
	if c.Known || c.Floor <= first || c.Head != head {
		s.Fatalf("after %d hours and %d revisions: known %v, floor %d, first %d", storage.RememberHours+1, storage.Remember+2*slack,
			c.Known, c.Floor, first)
	}
	c = s.changes("c", c.Floor, 10)
	equal(s, "known of the floor", c.Known, true)
	equal(s, "number of revisions listed since the floor", len(c.Issued), motacilla.MaxIssued)
	if n := int(middle-c.Floor) + 1 + slack; n < storage.Remember || n > storage.Remember+2*slack {
		s.Fatalf("%d revisions are remembered after the forgetting", n)
	}
	// Only revisions are forgotten.
	equal(s, "number of posts", len(s.all("c")), 1+len(posts))
	equalPost(s, "old post", must[motacilla.Post](s)(s.Post(s.ctx, "c", kept.ID)), kept)
	_, err := s.PutPost(s.ctx, "c", motacilla.Post{MessageID: "m"}, 0)
	want(s, "create an old removed post", err, motacilla.ErrDeleted)
}
