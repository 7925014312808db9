package storagetest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// late acknowledges at once and stores at Close.
type late struct {
	storage.Store
	path string
}

func openLate(ctx context.Context, path string) (storage.Store, error) {
	if data, err := os.ReadFile(path); err == nil {
		if err := os.WriteFile(path+".buffer", data, 0o600); err != nil {
			return nil, err
		}
	}
	for _, of := range []string{"-wal", "-shm"} { // what a killed writer left of its buffer
		_ = os.Remove(path + ".buffer" + of)
	}
	s, err := sqlite.Open(ctx, path+".buffer", nil)
	if err != nil {
		return nil, err
	}
	return &late{s, path}, nil
}

func (l *late) Close() error {
	if err := l.Store.Close(); err != nil {
		return err
	}
	return os.Rename(l.path+".buffer", l.path)
}

func TestDurableBites(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		writeUntilKilled(t, openLate, path)
		return
	}
	err := durable(t, t.TempDir()+"/live.db", 2, openLate)
	if err == nil || !strings.Contains(err.Error(), "was acknowledged") {
		t.Fatalf("a store that writes when it is closed: %v", err)
	}
}

// torn changes a post in two writes.
type torn struct{ storage.Store }

func openTorn(ctx context.Context, path string) (storage.Store, error) {
	s, err := sqlite.Open(ctx, path, nil)
	return torn{s}, err
}

func (s torn) UpdatePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	_, err := s.Store.UpdatePost(ctx, ch, id, func(p *motacilla.Post) error {
		content := p.Content
		err := edit(p)
		p.Content = content
		return err
	})
	if err != nil {
		return motacilla.Post{}, err
	}
	return s.Store.UpdatePost(ctx, ch, id, edit)
}

func TestTornBites(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		writeUntilKilled(t, openTorn, path)
		return
	}
	err := durable(t, t.TempDir()+"/live.db", 30, openTorn)
	if err == nil || !strings.Contains(err.Error(), "is torn") {
		t.Fatalf("a store that writes a post in two: %v", err)
	}
}

// early acknowledges a post, and commits it when the next write comes.
type early struct {
	storage.Store
	now    time.Time // of the post that waits
	commit func() error
}

func openEarly(ctx context.Context, path string) (storage.Store, error) {
	e := &early{}
	var err error
	e.Store, err = sqlite.Open(ctx, path, &sqlite.Options{Clock: func() time.Time {
		if e.commit != nil {
			return e.now
		}
		return time.Now()
	}})
	return e, err
}

func (e *early) CreatePost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post,
) (motacilla.Post, error) {
	heads, err := e.Heads(ctx, []motacilla.ChannelID{ch})
	if err != nil {
		return p, err
	}
	now := time.Now()
	made, err := p.Admit(motacilla.NextRevision(heads[ch], now))
	e.now, e.commit = now, func() error {
		_, err := e.Store.CreatePost(ctx, ch, made)
		return err
	}
	return made, err
}

func (e *early) flush() error {
	if e.commit == nil {
		return nil
	}
	err := e.commit()
	e.commit = nil
	return err
}

func (e *early) UpdatePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	if err := e.flush(); err != nil {
		return motacilla.Post{}, err
	}
	return e.Store.UpdatePost(ctx, ch, id, edit)
}

func (e *early) Close() error { return errors.Join(e.flush(), e.Store.Close()) }

func TestEarlyBites(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		writeUntilKilled(t, openEarly, path)
		return
	}
	err := durable(t, t.TempDir()+"/live.db", 30, openEarly)
	if err == nil || !strings.Contains(err.Error(), "was acknowledged") && !strings.Contains(err.Error(), "acknowledged was") {
		t.Fatalf("a store that acknowledges before it commits: %v", err)
	}
}
