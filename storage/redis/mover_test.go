package redis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
)

func TestMove(t *testing.T) {
	url := realserver.NewRedis(t).URL()
	testMove(t, opened(t, url, &Options{Prefix: "from:"}), opened(t, url, &Options{Prefix: "to:"}))
}

// moved copies every channel of a to b, in small pieces, and some of them twice.
func moved(t *testing.T, a, b *Store) {
	t.Helper()
	for after := motacilla.ChannelID(""); ; {
		channels := must(a.ChannelRecords(t.Context(), after, 3))
		for _, c := range channels {
			for at := motacilla.Revision(0); ; {
				records := must(a.ChangeRecords(t.Context(), c.ID, at, 7))
				for range 1 + rand.IntN(2) {
					if err := b.Import(t.Context(), c, records); err != nil {
						t.Fatalf("import %s: %v", c.ID, err)
					}
				}
				if len(records) < 7 {
					break
				}
				at = records[len(records)-1].Revision
			}
			after = c.ID
		}
		if len(channels) == 0 {
			return
		}
	}
}

// sameStores compares all that can be asked of two stores.
func sameStores(t *testing.T, a, b *Store) {
	t.Helper()
	equal := func(what string, x, y any) {
		t.Helper()
		if !reflect.DeepEqual(x, y) {
			t.Errorf("%s:\n\t%+v\n\t%+v", what, x, y)
		}
	}
	equal("channels", must(a.Channels(t.Context(), "", 0)), must(b.Channels(t.Context(), "", 0)))
	records := must(a.ChannelRecords(t.Context(), "", 0))
	equal("channel records", records, must(b.ChannelRecords(t.Context(), "", 0)))
	for _, c := range records {
		all := must(a.ChangeRecords(t.Context(), c.ID, 0, 10_000))
		equal("records of "+string(c.ID), all, must(b.ChangeRecords(t.Context(), c.ID, 0, 10_000)))
		for _, r := range all {
			equal("changes", must(a.Changes(t.Context(), c.ID, r.Revision, 0)), must(b.Changes(t.Context(), c.ID, r.Revision, 0)))
			if r.Removed != nil && r.Removed.MessageID != "" {
				if _, err := b.PostByMessage(t.Context(), c.ID, r.Removed.MessageID); !errors.Is(err, motacilla.ErrDeleted) {
					t.Errorf("message of a removed post: %v", err)
				}
			}
			if r.Post != nil && r.Post.MessageID != "" {
				equal("post by message", must(b.PostByMessage(t.Context(), c.ID, r.Post.MessageID)), *r.Post)
			}
		}
		if c.Deleted {
			continue
		}
		for _, q := range []motacilla.Query{{Limit: 500}, {Limit: 5}, {Visible: true}, {Pinned: true}} {
			equal("posts", must(a.Posts(t.Context(), c.ID, q)), must(b.Posts(t.Context(), c.ID, q)))
		}
	}
}

// busy makes so many random changes.
func busy(t *testing.T, s *Store, ch motacilla.ChannelID, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(len(ch)), 7))
	var ids []motacilla.PostID
	for i := range n {
		var err error
		switch at := random.IntN(10); {
		case len(ids) < 3 || at < 4:
			content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<b>x</b>"))}
			p := motacilla.Post{Show: at > 0, Pinned: at == 1, Author: fmt.Sprint(i), Content: content}
			if at > 1 {
				p.MessageID = string(motacilla.NewPostID(time.Now()))
			}
			if at == 3 {
				p.Created = time.Date(1+random.IntN(9998), 1, 1, 0, 0, 0, 0, time.UTC)
			}
			p, err = s.PutPost(t.Context(), ch, p, 0)
			ids = append(ids, p.ID)
		case at < 8:
			_, err = storage.Edit(t.Context(), s, ch, ids[random.IntN(len(ids))], func(p *motacilla.Post) error {
				p.Author, p.Show, p.Pinned = fmt.Sprint(i), !p.Show, at == 5
				return nil
			})
		case at == 8:
			n := random.IntN(len(ids))
			_, err = s.DeletePost(t.Context(), ch, ids[n], 0)
			ids = slices.Delete(ids, n, n+1)
		default:
			_, err = storage.EditChannel(t.Context(), s, ch, func(c *motacilla.Channel) error { c.Title = fmt.Sprint(i); return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func testMove(t *testing.T, a, b *Store) {
	for i := range 7 {
		id := motacilla.ChannelID(fmt.Sprintf("%0*d", i+1, i))
		channel(t, a, id)
		busy(t, a, id, 20*i)
	}
	must(a.DeleteChannel(t.Context(), "01"))
	must(a.DeleteChannel(t.Context(), "002"))
	channel(t, a, "002")
	busy(t, a, "002", 10)
	barrier := must(a.Barrier(t.Context(), "0003", 0))
	busy(t, a, "0003", 5)
	must(a.Barrier(t.Context(), "01", 0))
	moved(t, a, b)
	sameStores(t, a, b)
	if facts := must(b.Changes(t.Context(), "0003", barrier-1, 0)); facts.Known || facts.Floor != barrier {
		t.Errorf("before a barrier: known %v, floor %d, want %d", facts.Known, facts.Floor, barrier)
	}

	// Again, when more has happened, a life has ended, and another has begun.
	busy(t, a, "00004", 30)
	must(a.DeleteChannel(t.Context(), "000005"))
	must(a.DeleteChannel(t.Context(), "0000006"))
	channel(t, a, "0000006")
	busy(t, a, "0000006", 10)
	must(a.Barrier(t.Context(), "002", 0))
	moved(t, a, b)
	sameStores(t, a, b)

	// Both go on alike.
	w := watched(t, b)
	c := must(a.ChannelRecords(t.Context(), "0000", 1))[0]
	p := text(t, b, c.ID, "newer")
	if p.Revision <= c.Head {
		t.Errorf("revision %d after %d", p.Revision, c.Head)
	}
	before := must(b.ChangeRecords(t.Context(), c.ID, 0, 10_000))
	if err := b.Import(t.Context(), c, must(a.ChangeRecords(t.Context(), c.ID, 0, 10_000))); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("import what is older: %v", err)
	}
	if after := must(b.ChangeRecords(t.Context(), c.ID, 0, 10_000)); !reflect.DeepEqual(before, after) {
		t.Error("an import that is refused changes something")
	}
	w.reaches(t, c.ID, p.Revision)
	moved(t, b, a) // the other way
	sameStores(t, a, b)
}

func TestImport(t *testing.T) {
	s := opened(t, realserver.NewRedis(t).URL(), nil)
	w := watched(t, s)
	at := motacilla.Revision(1_000_000)
	c := motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: "c", Title: "T", Created: at.Time(), Changed: at, Head: at + 9},
		Born:    at, Floor: at + 2,
	}
	one, two := motacilla.NewPostID(at.Time()), motacilla.NewPostID(at.Time())
	made := func(id motacilla.PostID, message string, rev motacilla.Revision) *motacilla.Post {
		p, err := motacilla.Post{ID: id, MessageID: message, Pinned: true}.Admit(rev)
		if err != nil {
			t.Fatal(err)
		}
		return &p
	}
	records := []motacilla.ChangeRecord{
		{Revision: at + 1, Post: made(one, "1", at+1)},
		{Revision: at + 3, Remembered: true, Removed: &motacilla.Tombstone{ID: two, MessageID: "2"}},
	}
	if err := s.Import(t.Context(), c, records); err != nil {
		t.Fatal(err)
	}
	w.reaches(t, "c", at+9)
	facts := must(s.Changes(t.Context(), "c", at+3, 0))
	if !facts.Known || facts.Floor != at+3 || !slices.Equal(facts.Issued, []motacilla.Revision{at + 9}) {
		t.Errorf("%+v", facts)
	}
	// A post takes the place of a tombstone, and a tombstone that of a post.
	c.Head, c.Floor = at+20, at+9
	err := s.Import(t.Context(), c, []motacilla.ChangeRecord{
		{Revision: at + 11, Remembered: true, Post: made(two, "2", at+11)},
		{Revision: at + 12, Remembered: true, Removed: &motacilla.Tombstone{ID: one, MessageID: "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if list := must(s.Posts(t.Context(), "c", motacilla.Query{Pinned: true})).Posts; len(list) != 1 || list[0].ID != two {
		t.Errorf("posts are %+v", list)
	}
	if _, err := s.PostByMessage(t.Context(), "c", "1"); !errors.Is(err, motacilla.ErrDeleted) {
		t.Errorf("message 1: %v", err)
	}
	if p := must(s.PostByMessage(t.Context(), "c", "2")); p.ID != two {
		t.Errorf("message 2: %+v", p)
	}
	got := must(s.ChangeRecords(t.Context(), "c", 0, 0))
	var revs []motacilla.Revision
	for _, r := range got {
		revs = append(revs, r.Revision)
	}
	if !slices.Equal(revs, []motacilla.Revision{at + 9, at + 11, at + 12, at + 20}) {
		t.Errorf("records of %v", revs)
	}
	// An older life takes the place of a newer one, with nothing left of that.
	old := c
	old.Born, old.Changed, old.Floor, old.Head = at-5, at-5, at-5, at-4
	old.ID = "old"
	c.ID = "old"
	for _, life := range []motacilla.ChannelRecord{c, old} {
		if err := s.Import(t.Context(), life, nil); err != nil {
			t.Fatal(err)
		}
	}
	if facts := must(s.Changes(t.Context(), "old", at-4, 0)); !facts.Known || facts.Head != at-4 || len(facts.Issued) > 0 {
		t.Errorf("%+v", facts)
	}
	c.ID = "c"
	for _, bad := range []motacilla.ChannelRecord{
		{}, {Channel: motacilla.Channel{ID: "c"}}, {Channel: motacilla.Channel{ID: "d", Changed: 6, Head: 5}, Born: 6, Floor: 6},
	} {
		if err := s.Import(t.Context(), bad, nil); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("import %+v: %v", bad, err)
		}
	}
	for _, id := range []motacilla.ChannelID{"none", "", "a/b"} {
		if _, err := s.ChangeRecords(t.Context(), id, 0, 0); !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("records of %q: %v", id, err)
		}
		if _, err := s.Barrier(t.Context(), id, 0); !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("barrier on %q: %v", id, err)
		}
	}
	// A barrier is told, and forgets.
	rev := must(s.Barrier(t.Context(), "c", 1<<60))
	if m := w.reaches(t, "c", rev); rev != 1<<60 || m.Deleted {
		t.Errorf("barrier %d, told %+v", rev, m)
	}
	if facts := must(s.Changes(t.Context(), "c", at+20, 0)); facts.Known || facts.Floor != rev || facts.Head != rev {
		t.Errorf("after a barrier: %+v", facts)
	}
	must(s.DeleteChannel(t.Context(), "c"))
	rev = must(s.Barrier(t.Context(), "c", 0))
	if m := w.reaches(t, "c", rev); !m.Deleted {
		t.Errorf("told %+v of a barrier on a deleted channel", m)
	}
}
