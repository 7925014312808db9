package move_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/move"
)

// broken is a store whose answers are spoilt on their way out.
type broken struct {
	movable
	channels func([]motacilla.Channel) []motacilla.Channel
	records  func([]motacilla.ChannelRecord)
	kept     func([]motacilla.ChangeRecord) []motacilla.ChangeRecord
	page     func(*motacilla.Page)
	changes  func(*motacilla.Changes)
	heads    func(map[motacilla.ChannelID]motacilla.Revision)
	channel  func(*motacilla.Channel)
	post     func(*motacilla.Post)
	message  func(string) string
}

func (b *broken) Channels(ctx context.Context, after motacilla.ChannelID, n int) ([]motacilla.Channel, error) {
	list, err := b.movable.Channels(ctx, after, n)
	if b.channels != nil {
		list = b.channels(list)
	}
	return list, err
}

func (b *broken) ChannelRecords(ctx context.Context, after motacilla.ChannelID, n int) ([]motacilla.ChannelRecord, error) {
	list, err := b.movable.ChannelRecords(ctx, after, n)
	if b.records != nil {
		b.records(list)
	}
	return list, err
}

func (b *broken) ChangeRecords(
	ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, n int,
) ([]motacilla.ChangeRecord, error) {
	list, err := b.movable.ChangeRecords(ctx, ch, after, n)
	if b.kept != nil && ch == "c" {
		list = b.kept(list)
	}
	return list, err
}

func (b *broken) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	page, err := b.movable.Posts(ctx, ch, q)
	if b.page != nil {
		b.page(&page)
	}
	return page, err
}

func (b *broken) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, n int,
) (motacilla.Changes, error) {
	c, err := b.movable.Changes(ctx, ch, since, n)
	if b.changes != nil && ch == "c" {
		b.changes(&c)
	}
	return c, err
}

func (b *broken) Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error) {
	heads, err := b.movable.Heads(ctx, chs)
	if b.heads != nil {
		b.heads(heads)
	}
	return heads, err
}

func (b *broken) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	c, err := b.movable.Channel(ctx, id)
	if b.channel != nil && err == nil {
		b.channel(&c)
	}
	return c, err
}

func (b *broken) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	p, err := b.movable.Post(ctx, ch, id)
	if b.post != nil && err == nil {
		b.post(&p)
	}
	return p, err
}

func (b *broken) PostByMessage(ctx context.Context, ch motacilla.ChannelID, message string) (motacilla.Post, error) {
	if b.message != nil {
		message = b.message(message)
	}
	return b.movable.PostByMessage(ctx, ch, message)
}

// filled is a store with a channel of everything, and one that was deleted.
func filled(t *testing.T) movable {
	t.Helper()
	ctx, h := t.Context(), newHand()
	s := memory.New(&memory.Options{Clock: h.Now})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, ch := range []motacilla.ChannelID{"c", "gone", "z"} {
		_, err := s.PutChannel(ctx, motacilla.Channel{ID: ch}, 0)
		must(err)
	}
	var ids []motacilla.PostID
	for i := range 8 {
		h.Move(time.Second)
		p, err := s.PutPost(ctx, "c", motacilla.Post{MessageID: fmt.Sprint("m", i), Show: i != 3, Pinned: i == 2}, 0)
		must(err)
		ids = append(ids, p.ID)
	}
	for _, i := range []int{0, 5} {
		_, err := s.DeletePost(ctx, "c", ids[i], 0)
		must(err)
	}
	_, err := storage.EditChannel(ctx, s, "c", func(c *motacilla.Channel) error { c.Title = "New"; return nil })
	must(err)
	_, err = storage.Edit(ctx, s, "c", ids[1], func(p *motacilla.Post) error { p.Author = "A"; return nil })
	must(err)
	_, err = s.DeleteChannel(ctx, "gone")
	must(err)
	return s
}

// Check finds what is wrong with stores that are wrong in one way each, and nothing where nothing is.
func TestCheckFinds(t *testing.T) {
	firstPost := func(list []motacilla.ChangeRecord) int {
		return slices.IndexFunc(list, func(r motacilla.ChangeRecord) bool { return r.Post != nil })
	}
	firstTomb := func(list []motacilla.ChangeRecord) int {
		return slices.IndexFunc(list, func(r motacilla.ChangeRecord) bool { return r.Removed != nil })
	}
	spoilPost := func(spoil func(p *motacilla.Post)) func(list []motacilla.ChangeRecord) []motacilla.ChangeRecord {
		return func(list []motacilla.ChangeRecord) []motacilla.ChangeRecord {
			if at := firstPost(list); at >= 0 {
				spoil(list[at].Post)
			}
			return list
		}
	}
	record := func(spoil func(c *motacilla.ChannelRecord)) func([]motacilla.ChannelRecord) {
		return func(list []motacilla.ChannelRecord) {
			for i := range list {
				if list[i].ID == "c" {
					spoil(&list[i])
				}
			}
		}
	}
	for _, tt := range []struct {
		name string
		flaw broken
		says string
	}{
		{"nothing", broken{}, ""},
		{"born after the head", broken{records: record(func(c *motacilla.ChannelRecord) { c.Born = c.Head + 1 })}, "its life began then"},
		{"a floor before it was born", broken{records: record(func(c *motacilla.ChannelRecord) { c.Floor-- })}, "oldest remembered one"},
		{"a change after the head", broken{records: record(func(c *motacilla.ChannelRecord) { c.Changed = c.Head + 1 })}, "it changed then"},
		{"a title that is none", broken{records: record(func(c *motacilla.ChannelRecord) { c.Title = "\xff" })}, "title: must be valid UTF-8"},
		{"times with nanoseconds", broken{records: record(func(c *motacilla.ChannelRecord) { c.Created = c.Created.Add(1) })}, "to the microsecond"},
		{"a head that is not the newest", broken{records: record(func(c *motacilla.ChannelRecord) { c.Head += 7 })}, "is its head, and the newest that is kept is"},
		{"records beyond the head", broken{records: record(func(c *motacilla.ChannelRecord) { c.Head-- })}, "is newer than its head"},
		{"deleted and alive", broken{records: record(func(c *motacilla.ChannelRecord) { c.Deleted = true })}, "can be found, and was deleted"},
		{"a list out of order", broken{channels: func(l []motacilla.Channel) []motacilla.Channel { slices.Reverse(l); return l }}, "not the order of their IDs"},
		{"a channel that is not listed", broken{channels: func(l []motacilla.Channel) []motacilla.Channel { return l[len(l):] }}, "Channels does not list it"},
		{"another head in the list", broken{channels: func(l []motacilla.Channel) []motacilla.Channel {
			for i := range l {
				l[i].Head++
			}
			return l
		}}, "Channels has this as its head"},
		{"another head in Heads", broken{heads: func(h map[motacilla.ChannelID]motacilla.Revision) { h["c"]-- }}, "Heads has this as its head"},
		{"another title", broken{channel: func(c *motacilla.Channel) { c.Title = "Old" }}, "reads as"},
		{"revisions that repeat", broken{kept: func(l []motacilla.ChangeRecord) []motacilla.ChangeRecord {
			if len(l) > 3 {
				l[3].Revision = l[2].Revision
			}
			return l
		}}, "revisions must increase"},
		{"a revision that is not remembered", broken{kept: func(l []motacilla.ChangeRecord) []motacilla.ChangeRecord {
			if len(l) > 4 {
				l[4].Remembered = false
			}
			return l
		}}, "is not remembered, and"},
		{"a revision that is missing", broken{kept: func(l []motacilla.ChangeRecord) []motacilla.ChangeRecord {
			if len(l) > 1 && l[1].Post == nil {
				return slices.Delete(l, 1, 2)
			}
			return l
		}}, "revisions, not the newest"},
		{"forgotten early", broken{kept: func(l []motacilla.ChangeRecord) []motacilla.ChangeRecord {
			at := firstTomb(l)
			for i := range max(at, 0) {
				l[i].Remembered = false
			}
			return l
		}}, "it must remember the newest 10000"},
		{"a post of another revision", broken{kept: spoilPost(func(p *motacilla.Post) { p.Revision-- })}, "says that its revision is"},
		{"a post that is not valid", broken{kept: spoilPost(func(p *motacilla.Post) { p.Author = "\x00" })}, "author: must not contain"},
		{"an ID that is none", broken{kept: spoilPost(func(p *motacilla.Post) { p.ID = "x" })}, "must be a UUIDv7"},
		{"content that is not normal", broken{kept: spoilPost(func(p *motacilla.Post) {
			p.Content = []motacilla.Block{{Type: motacilla.TextBlock, Text: motacilla.TrustedHTML("x"), Alt: "y"}}
		})}, "form in which posts are stored"},
		{"a post with a tombstone", broken{kept: func(l []motacilla.ChangeRecord) []motacilla.ChangeRecord {
			if at, tomb := firstPost(l), firstTomb(l); at >= 0 && tomb >= 0 {
				l[tomb].Removed.ID = l[at].Post.ID
			}
			return l
		}}, "has been kept of revision"},
		{"a message ID twice", broken{kept: spoilPost(func(p *motacilla.Post) { p.MessageID = "m4" })}, `has the message ID "m4"`},
		{"a post that is not found by its message", broken{message: func(m string) string { return strings.Replace(m, "m4", "none", 1) }}, "is not found by its message ID"},
		{"a tombstone that is not remembered", broken{message: func(m string) string { return strings.Replace(m, "m5", "none", 1) }}, `its message ID "m5" is not remembered`},
		{"a removed post that is there", broken{message: func(m string) string { return strings.Replace(m, "m5", "m4", 1) }}, "is there by its message ID"},
		{"another post by ID", broken{post: func(p *motacilla.Post) { p.Author = "B" }}, "is another one by its ID"},
		{"a list of posts out of order", broken{page: func(p *motacilla.Page) { slices.Reverse(p.Posts) }}, "is not in order"},
		{"a post that is not listed", broken{page: func(p *motacilla.Page) { p.Posts = p.Posts[:max(len(p.Posts)-1, 0)] }}, "is missing in the list of"},
		{"another head of a page", broken{page: func(p *motacilla.Page) { p.Head++ }}, "has this as the head"},
		{"hidden posts in the list of visible ones", broken{page: func(p *motacilla.Page) {
			for i := range p.Posts {
				p.Posts[i].Show = false
			}
		}}, "does not belong into the list of visible posts"},
		{"a cursor that is not known", broken{changes: func(c *motacilla.Changes) { c.Known = false }}, "is known to Changes: false; must be: true"},
		{"any cursor known", broken{changes: func(c *motacilla.Changes) { c.Known = true }}, "is known to Changes: true; must be: false"},
		{"revisions not issued", broken{changes: func(c *motacilla.Changes) { c.Issued = c.Issued[:max(len(c.Issued)-1, 0)] }}, "lists"},
		{"another floor", broken{changes: func(c *motacilla.Changes) { c.Floor++ }}, "Changes has this as the oldest"},
		{"another head of changes", broken{changes: func(c *motacilla.Changes) { c.Head++ }}, "Changes has this as its head"},
		{"a change that is not told", broken{changes: func(c *motacilla.Changes) { c.Posts = c.Posts[:max(len(c.Posts)-1, 0)] }}, "does not tell of it"},
		{"a removal that is not told", broken{changes: func(c *motacilla.Changes) { c.Removed = nil }}, "does not tell of its removal"},
		{"changes out of order", broken{changes: func(c *motacilla.Changes) { slices.Reverse(c.Posts) }}, "the oldest change must come first"},
		{"a title that is not told", broken{changes: func(c *motacilla.Changes) { c.Channel = nil }}, "tells of that: false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.flaw.movable = filled(t)
			report, err := move.Check(t.Context(), &tt.flaw, nil)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, v := range report.Violations {
				said = append(said, v.String())
			}
			if all := strings.Join(said, "\n"); tt.says == "" && all != "" || !strings.Contains(all, tt.says) {
				t.Fatalf("it says\n%s\nwant %q", all, tt.says)
			}
			if tt.says == "" && (report.Channels != 3 || report.Posts != 6 || report.Tombstones != 2 || report.Remembered != 13+3) {
				t.Fatalf("%+v", report)
			}
		})
	}
}

// Changes lists no more revisions than motacilla.MaxIssued, and a store remembers more.
func TestCheckOfManyRevisions(t *testing.T) {
	s := memory.New(nil)
	defer s.Close()
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "long"}, 0); err != nil {
		t.Fatal(err)
	}
	for range motacilla.MaxIssued + 10 {
		if _, err := s.PutPost(t.Context(), "long", motacilla.Post{}, 0); err != nil {
			t.Fatal(err)
		}
	}
	report, err := move.Check(t.Context(), s, nil)
	if err != nil || len(report.Violations) > 0 {
		t.Fatalf("%+v (%v)", report, err)
	}
}

// A store that does not move channels is refused, with a reason.
func TestNoMover(t *testing.T) {
	whole := memory.New(nil)
	defer whole.Close()
	plain := struct{ storage.Store }{whole}
	_, ofCheck := move.Check(t.Context(), plain, nil)
	_, ofSource := move.Copy(t.Context(), plain, whole, nil)
	_, ofTarget := move.Copy(t.Context(), whole, plain, nil)
	for what, err := range map[string]error{"the store ": ofCheck, "the source ": ofSource, "the target ": ofTarget} {
		if err == nil || !strings.HasPrefix(err.Error(), what) || !strings.Contains(err.Error(), "does not implement storage.Mover") {
			t.Errorf("%serror is %v", what, err)
		}
	}
}
