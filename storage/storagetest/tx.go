package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// App is an app whose own rows, orders, are in the store's database.
type App struct {
	Store  storage.Store
	Begin  func(ctx context.Context) (*AppTx, error)   // begins a transaction of the app
	Orders func(ctx context.Context) ([]string, error) // the names of all committed orders, in any order
}

// AppTx is a transaction of the app.
type AppTx struct {
	storage.Tx                                              // the store's writes in it
	Order      func(ctx context.Context, name string) error // inserts an order
	Commit     func(ctx context.Context) error
	Rollback   func(ctx context.Context) error // does nothing after Commit
}

// RunTx tests a store that can write in a transaction of the app. open returns an app with an empty store and no orders.
// The suite closes the store.
func RunTx(t *testing.T, open func(t *testing.T, clock motacilla.Clock) *App, o *Options) {
	for _, test := range []struct {
		name string
		run  func(*shop)
	}{
		{"Commit", testTxCommit},
		{"Rollback", testTxRollback},
		{"Channels", testTxChannels},
		{"Refusals", testTxRefusals},
		{"Messages", testTxMessages},
		{"Edits", testTxEdits},
		{"Records", testTxRecords},
		{"Order", testTxOrder},
		{"Followers", testTxFollowers},
		{"Hints", testTxHints},
		{"Closed", testTxClosed},
	} {
		var app *App
		opened := func(t *testing.T, clock motacilla.Clock) storage.Store {
			app = open(t, clock)
			return app.Store
		}
		subtest(t, test.name, opened, o.withDefaults(), func(s *suite) { test.run(&shop{s, app}) })
	}
}

// shop is what a subtest of RunTx works with.
type shop struct {
	*suite
	app *App
}

func (s *shop) begin() *AppTx {
	s.Helper()
	tx := must[*AppTx](s)(s.app.Begin(s.ctx))
	s.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

func (s *shop) ok(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func (s *shop) orders(expected ...string) {
	s.Helper()
	got := must[[]string](s)(s.app.Orders(s.ctx))
	slices.Sort(got)
	slices.Sort(expected)
	equalList(s, "orders", got, expected)
}

func message(id string) motacilla.Post {
	return motacilla.Post{MessageID: id, Show: true, Content: []motacilla.Block{motacilla.PlainText(id)}}
}

// What a transaction writes is seen by itself at once, and by everybody else after the commit.
func testTxCommit(s *shop) {
	head := s.channel("c").Head
	tx := s.begin()
	s.ok("order", tx.Order(s.ctx, "one"))
	first := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("one"), 0))
	equal(s, "revision", first.Revision, motacilla.NextRevision(head, s.hand.Now()))
	second := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("two"), 0))
	first.Author = "Ada"
	first = must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", first, first.Revision))
	removed := must[motacilla.Revision](s)(tx.DeletePost(s.ctx, "c", second.ID, second.Revision))
	equalPost(s, "post within", must[motacilla.Post](s)(tx.Post(s.ctx, "c", first.ID)), first)
	equalPost(s, "post by message within", must[motacilla.Post](s)(tx.PostByMessage(s.ctx, "c", "one")), first)
	_, err := tx.PostByMessage(s.ctx, "c", "two")
	want(s, "get what was removed within", err, motacilla.ErrDeleted)
	equal(s, "head within", must[motacilla.Channel](s)(tx.Channel(s.ctx, "c")).Head, removed)

	s.untouched("a transaction that goes on", "c", head)
	s.orders()
	_, err = s.PostByMessage(s.ctx, "c", "one")
	want(s, "get a post before the commit", err, motacilla.ErrNotFound)
	s.ok("commit", tx.Commit(s.ctx))

	s.orders("one")
	equalPosts(s, "posts after the commit", s.all("c"), []motacilla.Post{first})
	c := s.changes("c", head, 0)
	equal(s, "head after the commit", c.Head, removed)
	equal(s, "number of revisions", len(c.Issued), 4)
	equalList(s, "removed", c.Removed, []motacilla.Removal{{ID: second.ID, Revision: removed}})
}

// A transaction that is rolled back leaves nothing, and its messages can be sent again.
func testTxRollback(s *shop) {
	s.channel("c")
	kept := s.post("c", message("kept"))
	tx := s.begin()
	made := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("m"), 0))
	s.ok("order", tx.Order(s.ctx, "m"))
	must[motacilla.Revision](s)(tx.DeletePost(s.ctx, "c", kept.ID, 0))
	must[motacilla.Channel](s)(tx.PutChannel(s.ctx, motacilla.Channel{ID: "d"}, 0))
	s.ok("roll back", tx.Rollback(s.ctx))
	s.untouched("a rollback", "c", kept.Revision)
	s.orders()
	_, err := s.Channel(s.ctx, "d")
	want(s, "get a channel that was rolled back", err, motacilla.ErrNotFound)
	_, err = s.Post(s.ctx, "c", made.ID)
	want(s, "get a post that was rolled back", err, motacilla.ErrNotFound)
	equal(s, "revision after a rollback", s.text("c", "x").Revision, motacilla.NextRevision(kept.Revision, s.hand.Now()))

	tx = s.begin()
	s.ok("order again", tx.Order(s.ctx, "m"))
	again := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("m"), 0))
	s.ok("commit", tx.Commit(s.ctx))
	s.orders("m")
	equalPost(s, "post of the same message", must[motacilla.Post](s)(s.PostByMessage(s.ctx, "c", "m")), again)
}

func testTxChannels(s *shop) {
	tx := s.begin()
	c := must[motacilla.Channel](s)(tx.PutChannel(s.ctx, motacilla.Channel{ID: "c", Title: "one"}, 0))
	must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("m"), 0))
	c.Title = "two"
	c = must[motacilla.Channel](s)(tx.PutChannel(s.ctx, c, c.Changed))
	s.ok("commit", tx.Commit(s.ctx))
	equalChannel(s, "channel", must[motacilla.Channel](s)(s.Channel(s.ctx, "c")), c)

	tx = s.begin()
	gone := must[motacilla.Revision](s)(tx.DeleteChannel(s.ctx, "c"))
	_, err := tx.Channel(s.ctx, "c")
	want(s, "get what was deleted within", err, motacilla.ErrNotFound)
	s.untouched("a deletion that is not committed", "c", c.Head)
	s.ok("commit", tx.Commit(s.ctx))
	if facts := s.changes("c", c.Head, 0); !facts.Deleted || facts.Head != gone {
		s.Fatalf("deleted in a transaction: %+v", facts)
	}
}

// A call that is refused leaves the transaction as it was.
func testTxRefusals(s *shop) {
	c := s.channel("c")
	post, removed := s.post("c", message("there")), s.post("c", message("removed"))
	s.deletePost("c", removed.ID)
	tx := s.begin()
	put := func(p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error) {
		return tx.PutPost(s.ctx, "c", p, replaces)
	}
	stale := post
	stale.Author = "stale"
	steps := []struct {
		name string
		err  error
		do   func() error
	}{
		{"a message that is there", motacilla.ErrExists, func() error {
			p, err := put(message("there"), 0)
			equalPost(s, "the post that is there", p, post)
			return err
		}},
		{"a message that was removed", motacilla.ErrDeleted, func() error { _, err := put(message("removed"), 0); return err }},
		{"another revision", motacilla.ErrConflict, func() error {
			p, err := put(stale, post.Revision-1)
			equalPost(s, "the present post", p, post)
			return err
		}},
		{"a post that is not there", motacilla.ErrNotFound, func() error { _, err := put(removed, removed.Revision); return err }},
		{"an invalid post", motacilla.ErrInvalid, func() error { _, err := put(motacilla.Post{ID: "no UUID"}, 0); return err }},
		{"an invalid edit", motacilla.ErrInvalid, func() error {
			long := post
			long.Author = string(make([]byte, 10_000))
			_, err := put(long, post.Revision)
			return err
		}},
		{"no channel", motacilla.ErrNotFound, func() error { _, err := tx.PutPost(s.ctx, "none", message("x"), 0); return err }},
		{"a removal of another revision", motacilla.ErrConflict, func() error {
			_, err := tx.DeletePost(s.ctx, "c", post.ID, post.Revision-1)
			return err
		}},
		{"a removal of nothing", motacilla.ErrNotFound, func() error { _, err := tx.DeletePost(s.ctx, "c", removed.ID, 0); return err }},
		{"a channel that is there", motacilla.ErrExists, func() error { _, err := tx.PutChannel(s.ctx, motacilla.Channel{ID: "c"}, 0); return err }},
		{"a channel's other revision", motacilla.ErrConflict, func() error { _, err := tx.PutChannel(s.ctx, c, c.Changed-1); return err }},
		{"an invalid channel", motacilla.ErrInvalid, func() error { _, err := tx.PutChannel(s.ctx, motacilla.Channel{}, 0); return err }},
		{"no channel to delete", motacilla.ErrNotFound, func() error { _, err := tx.DeleteChannel(s.ctx, "none"); return err }},
		{"no post", motacilla.ErrNotFound, func() error { _, err := tx.Post(s.ctx, "c", removed.ID); return err }},
		{"no record", motacilla.ErrNotFound, func() error { return tx.Records().Delete(s.ctx, "ns", "none", 1) }},
		{"an invalid record", motacilla.ErrInvalid, func() error { _, err := tx.Records().Put(s.ctx, storage.Record{}); return err }},
	}
	var made []string
	head := s.head("c")
	for i, step := range steps {
		want(s, step.name, step.do(), step.err)
		name := fmt.Sprint("after ", i)
		s.ok("order after "+step.name, tx.Order(s.ctx, name))
		p := must[motacilla.Post](s)(put(message(name), 0))
		equal(s, "revision after "+step.name, p.Revision, motacilla.NextRevision(head, s.hand.Now()))
		head, made = p.Revision, append(made, name)
	}
	s.ok("commit", tx.Commit(s.ctx))
	s.orders(made...)
	equal(s, "head", s.head("c"), head)
	equal(s, "number of posts", len(s.all("c")), len(steps)+1)
}

// A message makes one post, also if it comes twice in one transaction, or in two at once.
func testTxMessages(s *shop) {
	s.channel("c")
	tx := s.begin()
	p := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("m"), 0))
	there, err := tx.PutPost(s.ctx, "c", message("m"), 0)
	want(s, "the same message again", err, motacilla.ErrExists)
	equalPost(s, "the post that is there", there, p)
	must[motacilla.Revision](s)(tx.DeletePost(s.ctx, "c", p.ID, p.Revision))
	_, err = tx.PutPost(s.ctx, "c", message("m"), 0)
	want(s, "a message that was removed", err, motacilla.ErrDeleted)
	s.ok("commit", tx.Commit(s.ctx))

	const writers = 4
	var made, refused sync.Map
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range 20 {
				tx, err := s.app.Begin(s.ctx)
				if err != nil {
					s.Errorf("begin: %v", err)
					return
				}
				name := fmt.Sprint("m", n)
				_, err = tx.PutPost(s.ctx, "c", message(name), 0)
				switch {
				case errors.Is(err, motacilla.ErrExists):
					refused.Store(fmt.Sprint(w, name), true)
					err = tx.Rollback(s.ctx)
				case err == nil:
					if _, twice := made.Swap(name, w); twice {
						s.Errorf("two transactions have made %q", name)
					}
					err = errors.Join(tx.Order(s.ctx, name), tx.Commit(s.ctx))
				}
				if err != nil {
					s.Errorf("%q: %v", name, err)
					return
				}
			}
		})
	}
	wg.Wait()
	equal(s, "number of orders", len(must[[]string](s)(s.app.Orders(s.ctx))), 20)
	equal(s, "number of posts", len(s.all("c")), 20)
}

func testTxEdits(s *shop) {
	s.channel("c")
	p := s.text("c", "one")
	tx := s.begin()
	edited := must[motacilla.Post](s)(storage.Edit(s.ctx, tx, "c", p.ID, func(p *motacilla.Post) error {
		p.Author = "Ada"
		return nil
	}))
	c := must[motacilla.Channel](s)(storage.EditChannel(s.ctx, tx, "c", func(c *motacilla.Channel) error {
		c.Title = "edited"
		return nil
	}))
	equalPost(s, "post before the commit", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)), p)
	s.ok("commit", tx.Commit(s.ctx))
	equalPost(s, "post", must[motacilla.Post](s)(s.Post(s.ctx, "c", p.ID)), edited)
	equalChannel(s, "channel", must[motacilla.Channel](s)(s.Channel(s.ctx, "c")), c)
	_, err := s.PutPost(s.ctx, "c", p, p.Revision)
	want(s, "an edit of what was edited in the transaction", err, motacilla.ErrConflict)
}

func testTxRecords(s *shop) {
	put := func(r storage.Records, key, value string, version int64) storage.Record {
		s.Helper()
		return must[storage.Record](s)(r.Put(s.ctx, storage.Record{Namespace: "ns", Key: key, Value: []byte(value), Version: version}))
	}
	tx := s.begin()
	made := put(tx.Records(), "a", "one", 0)
	put(tx.Records(), "b", "two", 0)
	changed := put(tx.Records(), "a", "three", made.Version)
	_, err := tx.Records().Put(s.ctx, made)
	want(s, "put of an old version", err, motacilla.ErrConflict)
	equal(s, "number within", len(must[[]storage.Record](s)(tx.Records().List(s.ctx, "ns", "", "", 0))), 2)
	equal(s, "namespaces within", len(must[[]storage.Namespace](s)(tx.Records().Namespaces(s.ctx, "", 0))), 1)
	_, err = s.Records().Get(s.ctx, "ns", "a")
	want(s, "get before the commit", err, motacilla.ErrNotFound)
	s.ok("commit", tx.Commit(s.ctx))
	got := must[storage.Record](s)(s.Records().Get(s.ctx, "ns", "a"))
	equal(s, "value", string(got.Value), "three")
	equal(s, "version", got.Version, changed.Version)

	tx = s.begin()
	s.ok("delete", tx.Records().Delete(s.ctx, "ns", "a", got.Version))
	_, err = tx.Records().Get(s.ctx, "ns", "a")
	want(s, "get what was deleted within", err, motacilla.ErrNotFound)
	s.ok("roll back", tx.Rollback(s.ctx))
	equal(s, "version after a rollback", must[storage.Record](s)(s.Records().Get(s.ctx, "ns", "a")).Version, got.Version)
}

// Who writes to the channel while a transaction has written to it comes after the transaction.
func testTxOrder(s *shop) {
	head := s.channel("c").Head
	for round := range 30 {
		tx := s.begin()
		last := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message(fmt.Sprint("first ", round)), 0))
		type result struct {
			post motacilla.Post
			err  error
		}
		other := make(chan result, 1)
		go func() {
			p, err := s.PutPost(s.ctx, "c", message(fmt.Sprint("other ", round)), 0)
			other <- result{p, err}
		}()
		for n := range 5 {
			last = must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message(fmt.Sprint(n, " of ", round)), 0))
			equal(s, "head while the transaction goes on", s.head("c"), head)
		}
		before := last.Revision
		if round%3 == 0 {
			s.ok("roll back", tx.Rollback(s.ctx))
			before = head
		} else {
			s.ok("commit", tx.Commit(s.ctx))
		}
		got := <-other
		s.ok("write of the other", got.err)
		equal(s, "revision of the other", got.post.Revision, motacilla.NextRevision(before, s.hand.Now()))
		head = got.post.Revision
	}
}

// A reader sees exactly what was committed, in one order, while transactions are committed and rolled back.
func testTxFollowers(s *shop) {
	const writers, each = 4, 60
	since := s.channel("c").Head
	ctx, done := context.WithCancel(s.ctx)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := s.trade(fmt.Sprintf("%d of %d", n, w), n%3 == 0); err != nil {
					s.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for n := range each {
			if _, err := s.PutPost(s.ctx, "c", message(fmt.Sprint("plain ", n)), 0); err != nil {
				s.Errorf("write outside of transactions: %v", err)
			}
		}
	})
	go func() { wg.Wait(); done() }()
	var seen []string
	for over := false; !over; {
		over = ctx.Err() != nil // so that the last look comes after the last write
		c := s.changes("c", since, 0)
		if !c.Known {
			s.Fatalf("cursor %d, which was the head, is unknown", since)
		}
		for _, p := range c.Posts {
			seen = append(seen, p.MessageID)
		}
		since = c.Head
	}
	if s.Failed() {
		return
	}
	var stored, plain []string
	for _, p := range s.changes("c", s.changes("c", 0, 0).Floor-1, 0).Posts {
		stored = append(stored, p.MessageID)
	}
	equalList(s, "what the reader saw", seen, stored)
	ordered := must[[]string](s)(s.app.Orders(s.ctx))
	for n := range each {
		plain = append(plain, fmt.Sprint("plain ", n))
	}
	all := append(plain, ordered...)
	slices.Sort(all)
	slices.Sort(stored)
	equalList(s, "posts", stored, all)
	equal(s, "number of orders", len(ordered), writers*each*2/3)
}

// trade makes an order and a post in one transaction.
func (s *shop) trade(name string, undo bool) error {
	tx, err := s.app.Begin(s.ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(s.ctx) }()
	if err := tx.Order(s.ctx, name); err != nil {
		return err
	}
	if _, err := tx.PutPost(s.ctx, "c", message(name), 0); err != nil || undo {
		return err
	}
	return tx.Commit(s.ctx)
}

// Watch tells of what was committed, and not of what was rolled back.
func testTxHints(s *shop) {
	w := s.watch()
	head := s.channel("c").Head
	w.reaches(s.suite, "a new channel", "c", head)
	for n := range 20 {
		tx := s.begin()
		p := must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message(fmt.Sprint(n)), 0))
		p.Author = "Ada"
		p = must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", p, p.Revision))
		if n%2 == 0 {
			s.ok("roll back", tx.Rollback(s.ctx))
			continue
		}
		s.ok("commit", tx.Commit(s.ctx))
		if m := w.reaches(s.suite, "a commit", "c", p.Revision); m.Head != p.Revision || m.Deleted {
			s.Fatalf("hint is %+v, want head %d", m, p.Revision)
		}
	}
	tx := s.begin()
	gone := must[motacilla.Revision](s)(tx.DeleteChannel(s.ctx, "c"))
	s.ok("commit", tx.Commit(s.ctx))
	if m := w.reaches(s.suite, "a deletion", "c", gone); !m.Deleted {
		s.Fatalf("hint of a deletion is %+v", m)
	}
}

func testTxClosed(s *shop) {
	s.channel("c")
	tx := s.begin()
	must[motacilla.Post](s)(tx.PutPost(s.ctx, "c", message("m"), 0))
	over, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := tx.PutPost(over, "c", message("n"), 0)
	want(s, "a write whose context has ended", err, context.Canceled)
	s.ok("commit", tx.Commit(s.ctx))
	_, err = tx.PutPost(s.ctx, "c", message("late"), 0)
	want(s, "a write after the commit", err, motacilla.ErrClosed)
	_, err = tx.Channel(s.ctx, "c")
	want(s, "a read after the commit", err, motacilla.ErrClosed)
	equal(s, "number of posts", len(s.all("c")), 1)

	tx = s.begin()
	s.ok("close", s.Close())
	_, err = tx.PutPost(s.ctx, "c", message("late"), 0)
	want(s, "a write after Close", err, motacilla.ErrClosed)
	s.ok("order after Close", tx.Order(s.ctx, "mine"))
	s.ok("commit after Close", tx.Commit(s.ctx))
	s.orders("mine")
}
