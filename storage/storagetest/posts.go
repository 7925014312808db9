package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

func testPosts(s *suite) {
	c := s.channel("c")
	s.channel("d")
	page := s.page("c", motacilla.Query{})
	if page.Head != c.Head || len(page.Posts) > 0 || page.More {
		s.Fatalf("page of a channel without posts: %+v", page)
	}
	p := s.text("c", "one")
	rev := motacilla.NextRevision(c.Head, s.hand.Now())
	equalPost(s, "the post that was made", p, motacilla.Post{
		ID: p.ID, Created: rev.Time(), Modified: rev.Time(), Show: true,
		Content: []motacilla.Block{motacilla.PlainText("one")}, Revision: rev,
	})
	if _, err := motacilla.ParsePostID(string(p.ID)); err != nil {
		s.Fatalf("ID %q: %v", p.ID, err)
	}
	equalPost(s, "as it is read", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)), p)
	page = s.page("c", motacilla.Query{})
	equal(s, "head of the page", page.Head, p.Revision)
	equalPosts(s, "page", page.Posts, []motacilla.Post{p})
	_, err := s.Post(s.ctx, "d", p.ID)
	want(s, "get a post of another channel", err, motacilla.ErrNotFound)
	_, err = s.Post(s.ctx, "c", motacilla.NewPostID(s.hand.Now()))
	want(s, "get a post that never was", err, motacilla.ErrNotFound)
	_, err = s.PutPost(s.ctx, "d", p, p.Revision)
	want(s, "replace a post of another channel", err, motacilla.ErrNotFound)
	_, err = s.DeletePost(s.ctx, "d", p.ID, 0)
	want(s, "delete a post of another channel", err, motacilla.ErrNotFound)

	// IDs and message IDs are their channel's own.
	twin := s.post("d", motacilla.Post{ID: p.ID, Author: "of d"})
	s.deletePost("c", p.ID)
	equalPost(s, "post of another channel", must[motacilla.Post](s)(s.Post(s.ctx, "d", p.ID)), twin)
}

func testPostFields(s *suite) {
	s.channel("c")
	id := motacilla.NewPostID(s.hand.Now())
	zone := time.FixedZone("west", -7200)
	created := time.Date(2025, 12, 31, 23, 59, 59, 123_456_789, zone)
	strange := "ü 🐦 \t\n\r \"'\\ %_ \u2028 <b>&amp;</b> \u0001 \U0010FFFF"
	p := motacilla.Post{
		ID: id, MessageID: " " + strange + " ", SourceVersion: 1<<63 - 1, Source: "slack", Author: strange, Created: created,
		Modified: created.Add(time.Hour), Show: false, Pinned: true, KeyEvent: true, Revision: 5,
		Content: []motacilla.Block{
			motacilla.Text(motacilla.TrustedHTML(strange)),
			{Type: motacilla.ImageBlock, URL: "https://example.org/a.png?x=1&y=2", Alt: strange, Width: 65536, Height: 1},
			{Type: motacilla.ImageBlock, URL: "/media/1"},
			{Type: motacilla.EmbedBlock, URL: "http://example.org/"},
			{Type: motacilla.ScoreBlock, Score: motacilla.Score{Home: strange, Away: "b", HomeScore: "6 7", AwayScore: "", Note: "ü"}},
			motacilla.PlainText(""),
			motacilla.PlainText(strings.Repeat("x", motacilla.MaxText-len(strange))),
		},
	}
	made := s.post("c", p)
	expected := p
	expected.Created = time.Date(2026, 1, 1, 1, 59, 59, 123_456_000, time.UTC)
	expected.Modified, expected.Revision = expected.Created, made.Revision
	equalPost(s, "the post that was made", made, expected)
	equalPost(s, "by ID", must[motacilla.Post](s)(s.Post(s.ctx, "c", id)), expected)
	equalPost(s, "by message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", p.MessageID)), expected)
	equalPosts(s, "listed", s.all("c"), []motacilla.Post{expected})
	equalPosts(s, "changed", s.changes("c", 0, 0).Posts, []motacilla.Post{expected})

	for i, at := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		made := s.post("c", motacilla.Post{Created: at, SourceVersion: -int64(i)})
		if !made.Created.Equal(motacilla.Micro(at)) {
			s.Fatalf("created at %v, not %v", made.Created, at)
		}
		equalPost(s, "post of an extreme time", must[motacilla.Post](s)(s.Post(s.ctx, "c", made.ID)), made)
	}
	years := []int{}
	for _, p := range s.all("c") {
		years = append(years, p.Created.Year())
	}
	equalList(s, "years, newest first", years, []int{9999, 2026, 1970, 1969, 1})
}

func testPostOrder(s *suite) {
	s.channel("c")
	base := s.hand.Now()
	var made []motacilla.Post
	for i, ago := range []int{0, 5, 5, 2, 5, 9, 0, 5} {
		p := motacilla.Post{Show: true, Created: base.Add(-time.Duration(ago) * time.Minute), Author: fmt.Sprint(i)}
		made = append(made, s.post("c", p))
	}
	expected := newestFirst(made)
	equalPosts(s, "posts, newest first by (created, id)", s.all("c"), expected)
	for _, limit := range []int{1, 2, 3, len(made), 100} {
		var got []motacilla.Post
		q := motacilla.Query{Limit: limit}
		for {
			page := s.page("c", q)
			got = append(got, page.Posts...)
			equal(s, fmt.Sprintf("More after %d of %d", len(got), len(made)), page.More, len(got) < len(made))
			if len(page.Posts) != min(limit, len(made)-len(got)+len(page.Posts)) {
				s.Fatalf("%d posts in a page of %d", len(page.Posts), limit)
			}
			if !page.More {
				break
			}
			q.Before = got[len(got)-1].Key()
		}
		equalPosts(s, fmt.Sprintf("pages of %d", limit), got, expected)
	}
	// A key need not be a post's, and its time may be of any zone.
	at := expected[3].Created
	older := func(k motacilla.PostKey) []motacilla.Post {
		return slices.DeleteFunc(slices.Clone(expected), func(p motacilla.Post) bool { return p.Key().Compare(k) >= 0 })
	}
	for _, k := range []motacilla.PostKey{
		{Created: at}, {Created: at.In(time.FixedZone("east", 3600))}, {Created: at, ID: "ffffffff"}, {Created: at.Add(1)},
		{Created: base.Add(time.Hour)}, {Created: base.Add(-time.Hour)},
	} {
		if k.Created.Nanosecond()%1000 != 0 {
			k.Created = k.Created.Truncate(time.Microsecond)
		}
		equalPosts(s, fmt.Sprintf("posts before %v", k), s.page("c", motacilla.Query{Before: k}).Posts, older(k))
	}

	// An edit may move a post.
	moved := s.edit("c", expected[0].ID, func(p *motacilla.Post) { p.Created = base.Add(-time.Hour) })
	expected = append(slices.Clone(expected[1:]), moved)
	equalPosts(s, "posts after one was moved back", s.all("c"), expected)
	s.deletePost("c", expected[2].ID)
	expected = slices.Delete(expected, 2, 3)
	equalPosts(s, "posts after a removal", s.all("c"), expected)

	s.texts("c", motacilla.DefaultLimit)
	page := s.page("c", motacilla.Query{})
	if len(page.Posts) != motacilla.DefaultLimit || !page.More {
		s.Fatalf("limit 0 gives %d posts", len(page.Posts))
	}
}

func newestFirst(posts []motacilla.Post) []motacilla.Post {
	return slices.SortedFunc(slices.Values(posts), func(a, b motacilla.Post) int { return b.Key().Compare(a.Key()) })
}

func testPostFilters(s *suite) {
	s.channel("c")
	for i := range 24 {
		s.hand.Move(time.Second)
		s.post("c", motacilla.Post{Show: i%2 == 0, Pinned: i%3 == 0, KeyEvent: i%5 == 0})
	}
	check := func() {
		s.Helper()
		all := s.all("c")
		for _, q := range []motacilla.Query{{}, {Visible: true}, {Pinned: true}, {Visible: true, Pinned: true}} {
			expected := slices.DeleteFunc(slices.Clone(all), func(p motacilla.Post) bool {
				return q.Visible && !p.Show || q.Pinned && !p.Pinned
			})
			for _, q.Limit = range []int{1, 2, len(expected) - 1, len(expected), len(expected) + 1} {
				what := fmt.Sprintf("posts of %+v", q)
				page := s.page("c", q)
				equalPosts(s, what, page.Posts, expected[:min(q.Limit, len(expected))])
				equal(s, "More of "+what, page.More, q.Limit < len(expected))
				equal(s, "head of "+what, page.Head, s.head("c"))
			}
			q.Before, q.Limit = expected[1].Key(), 50
			equalPosts(s, fmt.Sprintf("posts of %+v", q), s.page("c", q).Posts, expected[2:])
		}
	}
	check()
	for i, p := range s.all("c") {
		s.edit("c", p.ID, func(p *motacilla.Post) {
			switch i % 4 {
			case 0:
				p.Show = !p.Show
			case 1:
				p.Pinned = !p.Pinned
			case 2:
				p.Created = p.Created.Add(-10 * time.Second)
			}
		})
	}
	check()
	for i, p := range s.all("c") {
		if i%5 == 0 {
			s.deletePost("c", p.ID)
		}
	}
	check()
}

func testPostIdempotency(s *suite) {
	s.channel("c")
	s.channel("d")
	p := s.post("c", motacilla.Post{MessageID: "m", Show: true, Author: "first"})
	q := s.post("c", motacilla.Post{MessageID: "M", Author: "another, since case matters"})
	head := s.head("c")
	s.hand.Move(time.Minute)
	for what, again := range map[string]motacilla.Post{
		"the message ID":        {MessageID: "m", Author: "second"},
		"the message ID and ID": {ID: p.ID, MessageID: "m"},
		"the ID":                {ID: p.ID, Author: "second"},
		"the ID, other message": {ID: p.ID, MessageID: "other"},
		"message ID, other ID":  {ID: motacilla.NewPostID(s.hand.Now()), MessageID: "m"},
	} {
		there, err := s.PutPost(s.ctx, "c", again, 0)
		want(s, "create again by "+what, err, motacilla.ErrExists)
		equalPost(s, "the post there is, by "+what, there, p)
	}
	s.untouched("a post made twice", "c", head)
	_, err := s.PostByMessage(s.ctx, "c", "other")
	want(s, "get a message that was refused", err, motacilla.ErrNotFound)
	equalPost(s, "by message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "m")), p)
	equalPost(s, "by another message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "M")), q)
	_, err = s.PostByMessage(s.ctx, "d", "m")
	want(s, "get a message of another channel", err, motacilla.ErrNotFound)
	s.post("d", motacilla.Post{MessageID: "m"})

	// Posts without a message ID are not each other's.
	s.post("c", motacilla.Post{})
	s.post("c", motacilla.Post{})
	_, err = s.PostByMessage(s.ctx, "c", "")
	want(s, "get the empty message ID", err, motacilla.ErrNotFound)
	equal(s, "number of posts", len(s.all("c")), 4)
}

func testPostTombstones(s *suite) {
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m", Show: true, Pinned: true})
	kept := s.text("c", "kept")
	s.hand.Move(time.Second)
	rev := s.deletePost("c", p.ID)
	equal(s, "revision of the removal", rev, motacilla.NextRevision(kept.Revision, s.hand.Now()))
	equal(s, "head", s.head("c"), rev)
	check := func() {
		s.Helper()
		_, err := s.Post(s.ctx, "c", p.ID)
		want(s, "get a removed post", err, motacilla.ErrNotFound)
		_, err = s.PostByMessage(s.ctx, "c", "m")
		want(s, "get the message of a removed post", err, motacilla.ErrDeleted)
		for _, replaces := range []motacilla.Revision{p.Revision, rev} {
			_, err = s.PutPost(s.ctx, "c", p, replaces)
			want(s, "replace a removed post", err, motacilla.ErrNotFound)
		}
		_, err = s.DeletePost(s.ctx, "c", p.ID, 0)
		want(s, "delete a removed post", err, motacilla.ErrNotFound)
		_, err = s.PutPost(s.ctx, "c", motacilla.Post{MessageID: "m"}, 0)
		want(s, "create a removed post by message ID", err, motacilla.ErrDeleted)
		_, err = s.PutPost(s.ctx, "c", motacilla.Post{ID: p.ID}, 0)
		want(s, "create a removed post by ID", err, motacilla.ErrDeleted)
		_, err = s.PutPost(s.ctx, "c", motacilla.Post{ID: p.ID, MessageID: "m"}, 0)
		want(s, "create a removed post by both", err, motacilla.ErrDeleted)
	}
	check()
	equalPosts(s, "posts", s.all("c"), []motacilla.Post{kept})
	equal(s, "number of pinned posts", len(s.page("c", motacilla.Query{Pinned: true}).Posts), 0)
	s.untouched("writing to a removed post", "c", rev)

	// Time does not wear it off.
	s.hand.Move(1000 * time.Hour)
	s.texts("c", 50)
	check()
}

func testPostValidation(s *suite) {
	s.channel("c")
	p := s.post("c", motacilla.Post{MessageID: "m", Content: []motacilla.Block{motacilla.PlainText("fine")}})
	head := s.head("c")
	long := strings.Repeat("x", motacilla.MaxID+1)
	block := func(b motacilla.Block) motacilla.Post { return motacilla.Post{Content: []motacilla.Block{b}} }
	bad := map[string]motacilla.Post{
		"long author":      {Author: long},
		"author's UTF-8":   {Author: "\xff"},
		"author's NUL":     {Author: "a\x00"},
		"year 10000":       {Created: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"year 0":           {Created: time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC)},
		"type":             block(motacilla.Block{Type: "video"}),
		"no type":          block(motacilla.Block{Text: motacilla.TrustedHTML("x")}),
		"long text":        block(motacilla.PlainText(strings.Repeat("x", motacilla.MaxText+1))),
		"text's UTF-8":     block(motacilla.Text(motacilla.TrustedHTML("\xc3"))),
		"script":           block(motacilla.Block{Type: motacilla.EmbedBlock, URL: "javascript:alert(1)"}),
		"relative embed":   block(motacilla.Block{Type: motacilla.EmbedBlock, URL: "/a"}),
		"negative width":   block(motacilla.Block{Type: motacilla.ImageBlock, URL: "/a", Width: -1}),
		"too many blocks":  {Content: slices.Repeat([]motacilla.Block{motacilla.PlainText("")}, motacilla.MaxBlocks+1)},
		"second block bad": {Content: []motacilla.Block{motacilla.PlainText("fine"), {Type: "?"}}},
	}
	for what, b := range bad {
		next := p
		next.Author, next.Created, next.Content = b.Author, b.Created, b.Content
		_, err := s.PutPost(s.ctx, "c", next, p.Revision)
		wantInvalid(s, "replace with "+what, err)
	}
	bad["ID"] = motacilla.Post{ID: "x"}
	bad["ID in upper case"] = motacilla.Post{ID: motacilla.PostID(strings.ToUpper(string(p.ID)))}
	bad["long message ID"] = motacilla.Post{MessageID: long}
	bad["message ID's UTF-8"] = motacilla.Post{MessageID: "\xff"}
	bad["message ID's NUL"] = motacilla.Post{MessageID: "\x00"}
	bad["long source"] = motacilla.Post{Source: long}
	for what, b := range bad {
		if b.MessageID == "" {
			b.MessageID = "refused"
		}
		_, err := s.PutPost(s.ctx, "c", b, 0)
		wantInvalid(s, "create with "+what, err)
	}
	s.untouched("invalid input", "c", head)
	equalPosts(s, "posts", s.all("c"), []motacilla.Post{p})
	s.post("c", motacilla.Post{MessageID: "refused"})
}
