package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// TestBackupUnderWriters takes backups while sixteen write, over this handle and another one. Each copy is one moment:
// it has all that was acknowledged before it began, of each channel the oldest changes without a gap, and a store that
// goes on from there.
func TestBackupUnderWriters(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	handles := []*Store{opened(t, path), opened(t, path)}
	const writers = 16
	acknowledged := make([]atomic.Int64, writers)
	for i := range writers {
		if _, err := handles[0].PutChannel(t.Context(), motacilla.Channel{ID: writerChannel(i)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	wrote := make(chan struct{}, 1)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer stop()
	for i := range writers {
		writing.Go(func() {
			for n := int64(1); ctx.Err() == nil; n++ {
				_, err := handles[i%2].PutPost(ctx, writerChannel(i), motacilla.Post{
					MessageID: fmt.Sprint(n), Show: true, Content: []motacilla.Block{motacilla.PlainText(fmt.Sprint("post ", n))},
				}, 0)
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("a writer is disturbed: %v", err)
						stop()
					}
					return
				}
				acknowledged[i].Store(n)
				select {
				case wrote <- struct{}{}:
				default:
				}
			}
		})
	}
	for round := range 5 {
		for range writers {
			select {
			case <-wrote:
			case <-ctx.Done():
				return
			}
		}
		before := make([]int64, writers)
		for i := range before {
			before[i] = acknowledged[i].Load()
		}
		to := filepath.Join(dir, fmt.Sprintf("copy-%d.db", round))
		copied, err := Backup(t.Context(), path, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(to)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() != copied.Bytes || copied.Channels != writers {
			t.Fatalf("the copy is %v (%v), reported as %+v", info, err, copied)
		}
		if held := checkCopy(t, to, before); held != copied.Posts {
			t.Errorf("reported %d posts of %d", copied.Posts, held)
		}
	}
	stop()
	writing.Wait()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q (%v)", left, err)
	}
}

func writerChannel(i int) motacilla.ChannelID {
	return motacilla.ChannelID(fmt.Sprintf("writer-%d", i))
}

// checkCopy opens the copy as a store, returns how many posts it has, and writes to it.
func checkCopy(t *testing.T, path string, before []int64) (held int) {
	t.Helper()
	s := opened(t, path)
	for i, least := range before {
		ch := writerChannel(i)
		facts, err := s.Changes(t.Context(), ch, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(len(facts.Posts))
		held += int(n)
		if n < least {
			t.Errorf("%s has %d posts, of which %d were acknowledged before", ch, n, least)
		}
		last := motacilla.Revision(0)
		for at, p := range facts.Posts {
			if p.MessageID != fmt.Sprint(at+1) || p.Revision <= last || p.Revision > facts.Head {
				t.Fatalf("%s: change %d is post %s of revision %d after %d, head %d", ch, at, p.MessageID, p.Revision, last, facts.Head)
			}
			last = p.Revision
			again, err := s.PostByMessage(t.Context(), ch, p.MessageID)
			if err != nil || again.ID != p.ID {
				t.Fatalf("%s: message %s is %v (%v)", ch, p.MessageID, again.ID, err)
			}
		}
		if last != 0 && last != facts.Head {
			t.Errorf("%s: head %d, newest change %d", ch, facts.Head, last)
		}
	}
	p, err := s.PutPost(t.Context(), writerChannel(0), motacilla.Post{Content: []motacilla.Block{motacilla.PlainText("on")}}, 0)
	if err != nil || p.Revision == 0 {
		t.Errorf("the copy can't be written: %v", err)
	}
	return held
}

func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	s := opened(t, path)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c", Title: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	there, foreign, link := filepath.Join(dir, "there.db"), filepath.Join(dir, "foreign.db"), filepath.Join(dir, "link.db")
	for name, text := range map[string]string{there: "precious", foreign: ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	over := &BackupOptions{Overwrite: true}
	for _, tt := range []struct {
		name, from, to string
		o              *BackupOptions
		is             error
		text           string
	}{
		{"a file that is there", path, there, nil, motacilla.ErrExists, ""},
		{"no store", filepath.Join(dir, "none.db"), there, over, motacilla.ErrNotFound, "there is no file"},
		{"a folder as the store", dir, there, over, nil, "is not a file"},
		{"a folder as the copy", path, dir, over, nil, "is not a file"},
		{"itself", path, path, over, nil, "the store's own"},
		{"itself by another name", path, link, over, nil, "the store itself"},
		{"its log", path, path + "-wal", over, nil, "the store's own"},
		{"no folder", path, filepath.Join(dir, "none", "x.db"), nil, nil, "there is no directory"},
		{"another program's file", foreign, there, over, nil, "no store of Motacilla"},
		{"no database at all", there, filepath.Join(dir, "new.db"), nil, nil, "not a database"},
	} {
		_, err := Backup(t.Context(), tt.from, tt.to, tt.o)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "precious" {
		t.Errorf("what was there is now %q (%v)", text, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Backup(cancelled, path, there, over); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Backup(t.Context(), path, there, over); err != nil {
		t.Errorf("overwrite: %v", err)
	}
	if c, err := opened(t, there).Channel(t.Context(), "c"); err != nil || c.Title != "kept" {
		t.Errorf("the copy has %+v (%v)", c, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }) {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}

// TestBackupOfDamage has a page of the file overwritten: no copy is made of what can't be read.
func TestBackupOfDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := s.PutPost(t.Context(), "c", motacilla.Post{
			Content: []motacilla.Block{motacilla.PlainText(strings.Repeat("x", 1000))}}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 20 * 4096; at < len(body); at++ {
		body[at] = 0xAA
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "copy.db")
	if _, err := Backup(t.Context(), path, to, nil); err == nil {
		t.Error("a damaged file was backed up")
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a copy: %v", err)
	}
}
