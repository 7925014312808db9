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
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
)

func text(s string) motacilla.Post {
	return motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(s))}}
}

// held is a store of which a transaction is under way, in which its writers are gathered: all that begin until release
// are in one batch with whoever follows.
func held(t *testing.T, o *Options) (s *Store, post motacilla.Post, hints <-chan motacilla.Moved, release func()) {
	t.Helper()
	if o == nil {
		o = patient()
	}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "live.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.committer.longest = time.Hour
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	if post, err = s.PutPost(t.Context(), "c", text("first"), 0); err != nil {
		t.Fatal(err)
	}
	hints = watched(t, s)
	return s, post, hints, s.hold(t)
}

// hold has all writes wait until release.
func (s *Store) hold(t *testing.T) (release func()) {
	conn, err := s.file.write.Conn(t.Context()) // the one connection that writes
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = conn.Close() })
	t.Cleanup(release)
	return release
}

// queued waits until so many writes wait.
func (s *Store) queued(n int) {
	for {
		s.committer.mu.Lock()
		there := len(s.committer.queue)
		s.committer.mu.Unlock()
		if there >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestWritersShareCommits(t *testing.T) {
	s, _, hints, release := held(t, nil)
	const writers, each = 16, 25
	before := s.committer.commits.Load()
	for i := range each {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				if _, err := s.PutPost(t.Context(), "c", text(fmt.Sprint(w, i)), 0); err != nil {
					t.Error(err)
				}
			})
		}
		s.queued(writers)
		release()
		wg.Wait()
		if n := s.committer.commits.Load() - before; n != int64(i+1) {
			t.Fatalf("%d writes take %d commits, want %d", writers*(i+1), n, i+1)
		}
		release = s.hold(t)
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
	before := s.committer.commits.Load()
	for i := range 20 {
		if _, err := s.PutPost(t.Context(), "c", text("x"), 0); err != nil {
			t.Fatal(err)
		}
		if n := s.committer.commits.Load() - before; n != int64(i+1) {
			t.Fatalf("%d commits after %d writes", n, i+1)
		}
	}
}

// In a batch each write sees what those before it did, and a write that fails changes nothing of the others.
func TestWritesThatFail(t *testing.T) {
	s, post, hints, release := held(t, nil)
	other, err := motacilla.Post{Show: true}.Admit(1)
	if err != nil {
		t.Fatal(err)
	}
	long := post
	long.Author = strings.Repeat("x", motacilla.MaxID+1)
	add := func(word string) func() error {
		return func() error {
			_, err := change(t.Context(), s.run, func(q *queries) (motacilla.Post, error) {
				there, err := scanPost(q.row(qPost, "c", post.ID))
				if err != nil {
					return there, err
				}
				head, err := q.liveHead("c")
				if err != nil {
					return there, err
				}
				next := there.Clone()
				next.Content[0] = motacilla.PlainText(next.Content[0].Text.String() + word)
				return q.replacePost("c", there, next, head)
			}, "add")
			return err
		}
	}
	put := func(p motacilla.Post, replaces motacilla.Revision) func() error {
		return func() error { _, err := s.PutPost(t.Context(), "c", p, replaces); return err }
	}
	refused := errors.New("refused")
	writes := []struct {
		do   func() error
		want error
	}{
		{add(" a"), nil},
		{put(post, post.Revision), motacilla.ErrConflict}, // of what the one before wrote
		{put(other, 5), motacilla.ErrNotFound},
		{func() error { // is refused after it has written
			_, err := change(t.Context(), s.run, func(q *queries) (motacilla.Revision, error) {
				_, err := q.issue("c", post.Revision+1000)
				return 0, errors.Join(refused, err)
			}, "refuse")
			return err
		}, refused},
		{add(" b"), nil},
		{put(motacilla.Post{ID: "no UUID"}, 0), motacilla.ErrInvalid},
		{func() error { _, err := s.DeletePost(t.Context(), "c", post.ID, post.Revision); return err }, motacilla.ErrConflict},
		{add(" c"), nil},
	}
	before := s.committer.commits.Load()
	errs := make([]error, len(writes))
	var wg sync.WaitGroup
	for i, w := range writes {
		wg.Go(func() { errs[i] = w.do() })
		s.queued(i + 1)
	}
	release()
	wg.Wait()
	for i, w := range writes {
		if !errors.Is(errs[i], w.want) {
			t.Errorf("write %d: %v, want %v", i, errs[i], w.want)
		}
	}
	if n := s.committer.commits.Load() - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	p, err := s.Post(t.Context(), "c", post.ID)
	if err != nil || p.Content[0].Text.String() != "first a b c" {
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

// If a writer's context ends before the turn of its write, the write is not done. Later the writer gets what happened.
func TestWriterWhoLeaves(t *testing.T) {
	s, _, _, release := held(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 2)
	go func() {
		_, err := s.PutPost(ctx, "c", text("withdrawn"), 0)
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
		_, err := change(ctx, s.run, func(q *queries) (motacilla.Post, error) {
			cancel()
			head, err := q.liveHead("c")
			if err != nil {
				return motacilla.Post{}, err
			}
			return q.createPost("c", text("stored"), head)
		}, "leave")
		result <- err
	}()
	s.queued(1)
	release()
	if err := <-result; err != nil {
		t.Errorf("error is %v", err)
	}
	page, err := s.Posts(t.Context(), "c", motacilla.Query{})
	if err != nil || len(page.Posts) != 2 || page.Posts[0].Content[0].Text.String() != "stored" {
		t.Errorf("posts are %+v (%v)", page.Posts, err)
	}
}

// A write that hangs, as on a disk that does not answer, makes no caller wait for longer than Options.Timeout.
func TestWriteThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "live.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
			t.Fatal(err)
		}
		release := s.hold(t)
		began, answer := time.Now(), make(chan struct{})
		errs := make(chan error, 3)
		write := func(words string) {
			_, err := s.PutPost(t.Context(), "c", text(words), 0)
			errs <- err
		}
		go write("run before")
		synctest.Wait()
		go func() {
			_, err := change(t.Context(), s.run, func(*queries) (int, error) {
				<-answer
				return 0, nil
			}, "hang")
			errs <- err
		}()
		synctest.Wait()
		release()
		synctest.Wait()
		go write("waits")
		for range cap(errs) {
			if err := <-errs; !errors.Is(err, motacilla.ErrUnavailable) {
				t.Errorf("error is %v", err)
			}
		}
		if waited := time.Since(began); waited != s.file.timeout {
			t.Errorf("callers have waited %v, want %v", waited, s.file.timeout)
		}
		close(answer)
		last, err := s.PutPost(t.Context(), "c", text("afterwards"), 0)
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Posts(t.Context(), "c", motacilla.Query{})
		if err != nil || len(page.Posts) != 2 || page.Posts[0].ID != last.ID { // what was withdrawn is not done
			t.Errorf("posts are %+v (%v)", page.Posts, err)
		}
	})
}

func TestCloseWhileWritesWait(t *testing.T) {
	s, _, _, release := held(t, nil)
	const writes = 5
	errs := make(chan error, writes)
	for range writes {
		go func() {
			_, err := s.PutPost(context.Background(), "c", text("x"), 0)
			errs <- err
		}()
	}
	s.queued(writes)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.done
	if _, err := s.PutPost(t.Context(), "c", text("late"), 0); !errors.Is(err, motacilla.ErrClosed) {
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
	s, _, _, release := held(t, &Options{BusyTimeout: 50 * time.Millisecond, Timeout: 10 * time.Minute})
	release()
	var path string
	if err := s.file.read.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	other := opened(t, path)
	tx, err := other.file.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const writers = 8
	errs := make(chan error, writers)
	write := func() {
		_, err := s.PutPost(t.Context(), "c", text("x"), 0)
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
			_, err := s.PutPost(t.Context(), "c", same, 0) // one makes it, the others are told that it is there
			errs <- err
		}()
		s.queued(i + 1)
	}
	go func() { // a row of no channel, which the commit finds out
		_, err := change(t.Context(), s.run, func(q *queries) (int, error) {
			_, err := q.tx.Exec("PRAGMA defer_foreign_keys = 1")
			return 0, errors.Join(err, q.exec(qLog, "none", 1))
		}, "break the commit")
		errs <- err
	}()
	s.queued(writes)
	release()
	for range writes {
		if err := <-errs; !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("error is %v", err)
		}
	}
	p, err := s.PutPost(t.Context(), "c", same, 0)
	if err != nil {
		t.Fatal(err)
	}
	if m := <-hints; m.Head != p.Revision {
		t.Errorf("told of %d, want %d: of what is not stored", m.Head, p.Revision)
	}
}
