package move_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/move"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"pgregory.net/rapid"
)

// patience is the stores' time-out, for machines that stall.
const patience = 3 * time.Minute

func openSQLite(t *testing.T) movable {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "live.db"), &sqlite.Options{BusyTimeout: patience, Timeout: patience})
	return closing(t, s, err)
}

func openPostgres(t *testing.T) movable {
	t.Helper()
	s, err := postgres.Open(t.Context(), realserver.SharedPostgres(t).Database(t), &postgres.Options{Timeout: patience})
	return closing(t, s, err)
}

func openRedis(t *testing.T) movable {
	t.Helper()
	s, err := redis.Open(t.Context(), realserver.NewRedis(t).URL()+"?read_timeout=3m&write_timeout=3m", &redis.Options{Timeout: patience})
	return closing(t, s, err)
}

func closing(t *testing.T, s movable, err error) movable {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dies breaks after a number of imports.
type dies struct {
	movable
	left atomic.Int64
	kill context.CancelFunc // instead of failing
}

func (d *dies) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	if d.left.Add(-1) < 0 {
		if d.kill == nil {
			return fmt.Errorf("import: %w", motacilla.ErrUnavailable)
		}
		d.kill()
	}
	return d.movable.Import(ctx, c, records)
}

// Random histories arrive as they are, from memory in each other store and from there in memory, in a copy that is cut
// off and goes on, again after the source was written to.
func TestRandomHistories(t *testing.T) {
	for name, open := range map[string]func(*testing.T) movable{
		"sqlite": openSQLite, "postgres": openPostgres, "redis": openRedis,
	} {
		t.Run(name, func(t *testing.T) { randomHistories(t, open(t)) })
	}
}

func randomHistories(t *testing.T, there movable) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		ctx := t.Context()
		w := newWriter(fmt.Sprintf("run-%d", run))
		defer w.store.Close()
		back := memory.New(nil)
		defer back.Close()
		batch := rapid.SampledFrom([]int{1, 3, 500}).Draw(rt, "batch")
		for range rapid.IntRange(1, 3).Draw(rt, "times") {
			w.write(ctx, rt, rapid.IntRange(0, 60).Draw(rt, "writes"))
			cut, cancel := context.WithCancel(ctx)
			dying := &dies{movable: there}
			if rapid.Bool().Draw(rt, "killed") {
				dying.kill = cancel
			}
			dying.left.Store(int64(rapid.IntRange(0, 8).Draw(rt, "imports")))
			options := &move.Options{Batch: batch, Replace: true} // a life that ended while nobody copied is another one
			_, _ = move.Copy(cut, w.store, dying, options)
			cancel()
			if rapid.Bool().Draw(rt, "written meanwhile") {
				w.write(ctx, rt, 5)
			}
			result, err := move.Copy(ctx, w.store, there, options)
			if err != nil || result.Behind != 0 {
				rt.Fatalf("copy: %v, %+v", err, result)
			}
			same(ctx, rt, w.store, there)
			again, err := move.Copy(ctx, w.store, there, options)
			if err != nil || again.Records != 0 || again.Copied != 0 || again.Channels != result.Channels || again.Own != result.Own {
				rt.Fatalf("copy again: %v, %+v", err, again)
			}
		}
		only := &chooses{there, w.names}
		if _, err := move.Copy(ctx, only, back, &move.Options{Batch: batch}); err != nil {
			rt.Fatalf("copy back: %v", err)
		}
		same(ctx, rt, w.store, back)
	})
}

// chooses shows some of the channels.
type chooses struct {
	movable
	names []motacilla.ChannelID
}

func (s *chooses) ChannelRecords(ctx context.Context, after motacilla.ChannelID, _ int) ([]motacilla.ChannelRecord, error) {
	all, err := s.movable.ChannelRecords(ctx, after, 1<<20)
	var list []motacilla.ChannelRecord
	for _, c := range all {
		for _, name := range s.names {
			if c.ID == name {
				list = append(list, c)
			}
		}
	}
	return list, err
}

// A copy of a store that is being written to ends, each channel is a state that the source had, and the next copy is
// level.
func TestCopyWhileWritten(t *testing.T) {
	ctx := t.Context()
	from, to := memory.New(nil), openSQLite(t)
	defer from.Close()
	stop := make(chan struct{})
	ended := make(chan struct{})
	var writes atomic.Int64
	if _, err := from.PutChannel(ctx, motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		var posts []motacilla.PostID
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if n%5 == 4 {
				_, _ = from.DeletePost(ctx, "c", posts[n/5], 0)
			} else if n%5 == 3 {
				_, _ = storage.Edit(ctx, from, "c", posts[len(posts)/2], func(p *motacilla.Post) error { p.Author += "x"; return nil })
			} else if p, err := from.PutPost(ctx, "c", motacilla.Post{Show: true, MessageID: fmt.Sprint(n)}, 0); err == nil {
				posts = append(posts, p.ID)
			}
			if n%100 == 0 {
				_, _ = storage.EditChannel(ctx, from, "c", func(c *motacilla.Channel) error { c.Title = fmt.Sprint(n); return nil })
			}
			writes.Store(int64(n))
			if n == 3000 {
				return
			}
		}
	}()
	for range 3 {
		before := writes.Load()
		result, err := move.Copy(ctx, from, to, &move.Options{Batch: 50})
		if err != nil {
			t.Fatal(err)
		}
		if result.Channels != 1 || result.Behind > 1 {
			t.Fatalf("%+v", result)
		}
		t.Logf("%d records, %d writes meanwhile", result.Records, writes.Load()-before)
		report, err := move.Check(ctx, to, nil)
		if err != nil || len(report.Violations) > 0 {
			t.Fatalf("check of what was copied: %v, %+v", err, report)
		}
	}
	close(stop)
	<-ended
	result, err := move.Copy(ctx, from, to, nil)
	if err != nil || result.Behind != 0 {
		t.Fatalf("%v, %+v", err, result)
	}
	same(ctx, t, from, to)
}

// What the target has on its own is left alone, and what would have to go for the copy is an error that says so, before
// anything is written.
func TestConflicts(t *testing.T) {
	ctx := t.Context()
	h := newHand()
	post := func(s movable, ch motacilla.ChannelID, text string) motacilla.Post {
		t.Helper()
		h.Move(1e6)
		p, err := s.PutPost(ctx, ch, motacilla.Post{Show: true, Author: text}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	channel := func(s movable, ch motacilla.ChannelID) {
		t.Helper()
		h.Move(1e6)
		if _, err := s.PutChannel(ctx, motacilla.Channel{ID: ch}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		prepare func(from, to movable) // channel "c" was copied
		problem string                 // "" of none
	}{
		{"as it was", func(_, _ movable) {}, ""},
		{"its own channel", func(_, to movable) { channel(to, "own"); post(to, "own", "x") }, ""},
		{"written to at the target", func(_, to movable) { post(to, "c", "x") }, "is older: the target has been written to"},
		{"written to at both", func(from, to movable) { post(to, "c", "x"); post(from, "c", "y") }, "has never issued"},
		{"written to at both, and forgotten", func(from, to movable) {
			post(to, "c", "x")
			post(from, "c", "y")
			if _, err := from.Barrier(ctx, "c", 0); err != nil {
				t.Fatal(err)
			}
		}, "which the source does not have"},
		{"made at both", func(from, to movable) { channel(to, "d"); channel(from, "d"); post(to, "d", "x") }, `"d": the target has another`},
		{"made anew at the source", func(from, _ movable) {
			if _, err := from.DeleteChannel(ctx, "c"); err != nil {
				t.Fatal(err)
			}
			channel(from, "c")
		}, "was deleted and made again at the source"},
		{"deleted at the source", func(from, _ movable) {
			if _, err := from.DeleteChannel(ctx, "c"); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"deleted at the target", func(_, to movable) {
			if _, err := to.DeleteChannel(ctx, "c"); err != nil {
				t.Fatal(err)
			}
		}, "the target has been written to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, to := memory.New(&memory.Options{Clock: h.Now}), memory.New(&memory.Options{Clock: h.Now})
			channel(from, "a")
			channel(from, "c")
			post(from, "c", "copied")
			if _, err := move.Copy(ctx, from, to, nil); err != nil {
				t.Fatal(err)
			}
			h.Move(1e9)
			tt.prepare(from, to)
			h.Move(1e9)
			late := post(from, "a", "late")
			_, err := move.Copy(ctx, from, to, nil)
			if tt.problem == "" {
				if err != nil {
					t.Fatal(err)
				}
				same(ctx, t, from, to)
				return
			}
			if !errors.Is(err, motacilla.ErrConflict) || !strings.Contains(err.Error(), tt.problem) {
				t.Fatalf("error is %v, want one that says %q", err, tt.problem)
			}
			if _, err := to.Post(ctx, "a", late.ID); !errors.Is(err, motacilla.ErrNotFound) && !strings.Contains(tt.name, "forgotten") {
				t.Fatalf("something was written in spite of a conflict (%v)", err)
			}
			if _, err = move.Copy(ctx, from, to, &move.Options{Replace: true}); strings.Contains(tt.name, "forgotten") {
				return // what is mixed stays so: see the decision
			}
			if err != nil {
				t.Fatalf("copy that replaces: %v", err)
			}
			same(ctx, t, from, to)
		})
	}
}

// Someone who writes to the target while it is copied to is noticed.
func TestTargetWrittenMeanwhile(t *testing.T) {
	ctx := t.Context()
	from, to := memory.New(nil), memory.New(nil)
	if _, err := from.PutChannel(ctx, motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := from.PutPost(ctx, "c", motacilla.Post{MessageID: fmt.Sprint(i)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, err := move.Copy(ctx, from, to, &move.Options{Batch: 5, Progress: func(p move.Progress) {
		if p.Records == 10 {
			if _, err := to.PutPost(ctx, "c", motacilla.Post{MessageID: "own"}, 0); err != nil {
				t.Error(err)
			}
		}
	}})
	if !errors.Is(err, motacilla.ErrConflict) || !strings.Contains(err.Error(), "someone writes to it at the target") {
		t.Fatalf("error is %v", err)
	}
}

func TestProgress(t *testing.T) {
	ctx := t.Context()
	from, to := memory.New(nil), memory.New(nil)
	for _, ch := range []motacilla.ChannelID{"a", "b"} {
		if _, err := from.PutChannel(ctx, motacilla.Channel{ID: ch}, 0); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := from.PutPost(ctx, ch, motacilla.Post{}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	var told []move.Progress
	result, err := move.Copy(ctx, from, to, &move.Options{Batch: 3, Progress: func(p move.Progress) { told = append(told, p) }})
	if err != nil || result != (move.Result{Channels: 2, Copied: 2, Records: 10}) {
		t.Fatalf("%+v, %v", result, err)
	}
	expected := []move.Progress{
		{1, "a", 0, 2, 3}, {1, "a", 0, 2, 5}, {1, "a", 1, 2, 5}, {1, "b", 1, 2, 8}, {1, "b", 1, 2, 10}, {1, "b", 2, 2, 10},
	}
	if fmt.Sprint(told) != fmt.Sprint(expected) {
		t.Fatalf("told of %+v", told)
	}
}
