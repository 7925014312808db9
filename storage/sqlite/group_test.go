package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

func text(s string) motacilla.Post {
	return motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(s)}}
}

// held is a store of which a transaction is under way, in which its writers are gathered: all that begin until release
// are in one batch with whoever follows.
func held(t *testing.T, o *Options) (s *Store, post motacilla.Post, hints <-chan motacilla.Moved, release func()) {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "live.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.longest = time.Minute
	if _, err := s.CreateChannel(t.Context(), motacilla.Channel{ID: "c"}); err != nil {
		t.Fatal(err)
	}
	if post, err = s.CreatePost(t.Context(), "c", text("first")); err != nil {
		t.Fatal(err)
	}
	hints = watched(t, s)
	conn, err := s.write.Conn(t.Context()) // the one connection that writes
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = conn.Close() })
	t.Cleanup(release)
	return s, post, hints, release
}

// queued waits until so many writes wait.
func (s *Store) queued(n int) {
	for {
		s.queueing.Lock()
		there := len(s.queue)
		s.queueing.Unlock()
		if there >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestWritersShareCommits(t *testing.T) {
	s, _, hints, release := held(t, nil)
	release()
	const writers, each = 16, 25
	before := s.commits.Load()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := s.CreatePost(t.Context(), "c", text(fmt.Sprint(w, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	commits := s.commits.Load() - before
	t.Logf("%d writes in %d commits", writers*each, commits)
	if commits > writers*each/4 {
		t.Errorf("%d writes take %d commits", writers*each, commits)
	}
	var last motacilla.Revision
	for range writers * each {
		if m := <-hints; m.Head <= last {
			t.Errorf("told of %d after %d", m.Head, last)
		} else {
			last = m.Head
		}
	}
}

func TestOneWriterAlone(t *testing.T) {
	s, _, _, release := held(t, nil)
	release()
	before := s.commits.Load()
	for i := range 20 {
		if _, err := s.CreatePost(t.Context(), "c", text("x")); err != nil {
			t.Fatal(err)
		}
		if n := s.commits.Load() - before; n != int64(i+1) {
			t.Fatalf("%d commits after %d writes", n, i+1)
		}
	}
}

// Of a batch each write sees what those before it did, and what fails changes nothing of the others.
func TestPoisonedWrites(t *testing.T) {
	s, post, hints, release := held(t, nil)
	no := errors.New("no")
	edit := func(f func(*motacilla.Post) error) func() error {
		return func() error {
			_, err := s.UpdatePost(t.Context(), "c", post.ID, f)
			return err
		}
	}
	add := func(word string) func() error {
		return edit(func(p *motacilla.Post) error {
			p.Content[0].Text += word
			return nil
		})
	}
	writes := []func() error{
		add(" a"),
		edit(func(p *motacilla.Post) error { p.Content[0].Text += " failed"; return no }),
		edit(func(p *motacilla.Post) error { p.Content[0].Text += " panicked"; panic("at the edit") }),
		add(" b"),
		edit(func(p *motacilla.Post) error { p.Content[0].Text += " ended"; runtime.Goexit(); return nil }),
		edit(func(p *motacilla.Post) error { p.Author = strings.Repeat("x", motacilla.MaxID+1); return nil }),
		func() error { // is refused after it has written
			p := text("twice")
			p.ID = "no UUID"
			_, err := s.CreatePost(t.Context(), "c", p)
			return err
		},
		func() error {
			_, err := s.DeletePost(t.Context(), "c", post.ID, func(motacilla.Post) error { return no })
			return err
		},
		add(" c"),
	}
	before := s.commits.Load()
	errs := make([]error, len(writes))
	panics := make([]any, len(writes))
	returned := make([]bool, len(writes))
	var wg sync.WaitGroup
	for i, write := range writes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { panics[i] = recover() }()
			errs[i] = write()
			returned[i] = true
		}()
		s.queued(i + 1)
	}
	release()
	wg.Wait()
	for i, want := range []error{nil, no, nil, nil, nil, motacilla.ErrInvalid, motacilla.ErrInvalid, no, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("write %d: %v, want %v", i, errs[i], want)
		}
		wantPanic, wantReturn := any(nil), i != 2 && i != 4
		if i == 2 {
			wantPanic = "at the edit"
		}
		if panics[i] != wantPanic || returned[i] != wantReturn {
			t.Errorf("write %d: panic %v, returned %v", i, panics[i], returned[i])
		}
	}
	if n := s.commits.Load() - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	p, err := s.Post(t.Context(), "c", post.ID)
	if err != nil || p.Content[0].Text != "first a b c" {
		t.Errorf("post is %+v (%v)", p, err)
	}
	facts, err := s.Changes(t.Context(), "c", post.Revision, 0)
	if err != nil || len(facts.Issued) != 3 || len(facts.Posts) != 1 {
		t.Fatalf("changes are %+v (%v)", facts, err)
	}
	for _, want := range facts.Issued {
		if m := <-hints; m.Head != want {
			t.Errorf("told of %d, want %d", m.Head, want)
		}
	}
}

// A write whose context ends before its turn is not done, one whose turn has come gets what happened.
func TestWriterWhoLeaves(t *testing.T) {
	s, post, _, release := held(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 2)
	go func() {
		_, err := s.CreatePost(ctx, "c", text("withdrawn"))
		result <- err
	}()
	s.queued(1)
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, err := s.UpdatePost(ctx, "c", post.ID, func(p *motacilla.Post) error {
			cancel()
			p.Content[0].Text = "edited"
			return nil
		})
		result <- err
	}()
	s.queued(1)
	release()
	if err := <-result; err != nil {
		t.Errorf("error is %v", err)
	}
	page, err := s.Posts(t.Context(), "c", motacilla.Query{})
	if err != nil || len(page.Posts) != 1 || page.Posts[0].Content[0].Text != "edited" {
		t.Errorf("posts are %+v (%v)", page.Posts, err)
	}
}

// Nobody is blocked for longer than Options.Timeout by another one's callback.
func TestCallbackThatBlocks(t *testing.T) {
	s, post, _, release := held(t, &Options{Timeout: 200 * time.Millisecond})
	ran, unblock := make(chan error, 1), make(chan struct{})
	blocked, waiting := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := s.CreatePost(t.Context(), "c", text("run before"))
		ran <- err
	}()
	s.queued(1)
	begun := make(chan struct{})
	go func() {
		_, err := s.UpdatePost(t.Context(), "c", post.ID, func(*motacilla.Post) error {
			close(begun)
			<-unblock
			return nil
		})
		blocked <- err
	}()
	s.queued(2)
	release()
	<-begun
	go func() {
		_, err := s.CreatePost(t.Context(), "c", text("waits"))
		waiting <- err
	}()
	for _, c := range []chan error{ran, waiting} {
		if err := <-c; !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("error is %v", err)
		}
	}
	close(unblock)
	if err := <-blocked; err != nil {
		t.Errorf("error is %v", err)
	}
	page, err := s.Posts(t.Context(), "c", motacilla.Query{})
	if err != nil || len(page.Posts) != 2 { // what was withdrawn is not done
		t.Errorf("posts are %+v (%v)", page.Posts, err)
	}
}

func TestCloseWhileWritesWait(t *testing.T) {
	s, _, _, release := held(t, nil)
	const writes = 5
	errs := make(chan error, writes)
	for range writes {
		go func() {
			_, err := s.CreatePost(context.Background(), "c", text("x"))
			errs <- err
		}()
	}
	s.queued(writes)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.done
	if _, err := s.CreatePost(t.Context(), "c", text("late")); !errors.Is(err, motacilla.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	release()
	for range writes {
		if err := <-errs; err != nil {
			t.Errorf("error is %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestLockFailsAllWhoWait(t *testing.T) {
	s, _, _, release := held(t, &Options{BusyTimeout: 50 * time.Millisecond})
	release()
	var path string
	if err := s.read.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	other := opened(t, path)
	tx, err := other.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const writers = 8
	errs := make(chan error, writers)
	write := func() {
		_, err := s.CreatePost(t.Context(), "c", text("x"))
		errs <- err
	}
	for range writers {
		go write()
	}
	for range writers {
		if err := <-errs; !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("error is %v", err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	go write()
	if err := <-errs; err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Where the commit fails nothing is acknowledged: not what was written, nor what was answered because of it.
func TestCommitThatFails(t *testing.T) {
	s, _, hints, release := held(t, nil)
	same := text("x")
	same.MessageID = "m"
	const writes = 6
	errs := make(chan error, writes)
	for i := range writes - 1 {
		go func() {
			_, err := s.CreatePost(t.Context(), "c", same) // one makes it, the others are told that it is there
			errs <- err
		}()
		s.queued(i + 1)
	}
	go func() { // a row of no channel, which the commit finds out
		errs <- s.change(t.Context(), func(q *queries) error {
			_, err := q.tx.Exec("PRAGMA defer_foreign_keys = 1")
			return errors.Join(err, q.exec(qLog, "none", 1))
		}, "break the commit")
	}()
	s.queued(writes)
	release()
	for range writes {
		if err := <-errs; !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("error is %v", err)
		}
	}
	p, err := s.CreatePost(t.Context(), "c", same)
	if err != nil {
		t.Fatal(err)
	}
	if m := <-hints; m.Head != p.Revision {
		t.Errorf("told of %d, want %d: of what is not stored", m.Head, p.Revision)
	}
}
