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

// delayed leaves each edit unfinished until its process is killed. The edit becomes visible later, when another process
// writes: a server that still has the request of a client that died does the same.
type delayed struct {
	storage.Store
	path string
}

func openDelayed(ctx context.Context, path string) (storage.Store, error) {
	s, err := sqlite.Open(ctx, path, nil)
	return delayed{s, path + ".request"}, err
}

func (s delayed) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if replaces != 0 {
		// Whole or not at all: the kill may come at any time.
		err := os.WriteFile(s.path+".new", []byte(p.ID), 0o600)
		if err = errors.Join(err, os.Rename(s.path+".new", s.path)); err != nil {
			return motacilla.Post{}, err
		}
		select {} // until the kill
	}
	if id, err := os.ReadFile(s.path); err == nil {
		if err := os.Remove(s.path); err != nil {
			return p, err
		}
		_, err := storage.Edit(ctx, s.Store, ch, motacilla.PostID(id), func(p *motacilla.Post) error {
			p.Author += ", edited"
			p.Content = []motacilla.Block{motacilla.PlainText(p.Author)}
			return nil
		})
		if err != nil {
			return p, err
		}
	}
	return s.Store.PutPost(ctx, ch, p, 0)
}

func TestDurableAllowsDelayedWrite(t *testing.T) {
	if asVictim(t, openDelayed, postWriter{}) {
		return
	}
	if err := durable(t, t.TempDir()+"/live.db", 4, openDelayed); err != nil {
		t.Fatalf("a write that was under way at the kill became visible later: %v", err)
	}
}

// late acknowledges at once, and stores when it is closed.
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
	if asVictim(t, openLate, postWriter{}) {
		return
	}
	err := durable(t, t.TempDir()+"/live.db", 2, openLate)
	if err == nil || !strings.Contains(err.Error(), "was acknowledged") {
		t.Fatalf("a store that writes when it is closed: %v", err)
	}
}

// torn changes a post in two writes. The process is killed between them.
type torn struct{ storage.Store }

func openTorn(ctx context.Context, path string) (storage.Store, error) {
	s, err := sqlite.Open(ctx, path, nil)
	return torn{s}, err
}

func (s torn) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if replaces == 0 {
		return s.Store.PutPost(ctx, ch, p, 0)
	}
	there, err := s.Post(ctx, ch, p.ID)
	if err != nil {
		return motacilla.Post{}, err
	}
	p.Content = there.Content
	if _, err := s.Store.PutPost(ctx, ch, p, replaces); err != nil {
		return motacilla.Post{}, err
	}
	select {} // until the kill
}

func TestTornBites(t *testing.T) {
	if asVictim(t, openTorn, postWriter{}) {
		return
	}
	err := durable(t, t.TempDir()+"/live.db", 30, openTorn)
	if err == nil || !strings.Contains(err.Error(), "is torn") {
		t.Fatalf("a store that writes a post in two: %v", err)
	}
}

// early acknowledges a post before it commits it. The process is killed between the two.
type early struct {
	storage.Store
	commit func() error
}

func openEarly(ctx context.Context, path string) (storage.Store, error) {
	s, err := sqlite.Open(ctx, path, nil)
	return &early{Store: s}, err
}

func (e *early) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if replaces != 0 {
		select {} // until the kill
	}
	heads, err := e.Heads(ctx, []motacilla.ChannelID{ch})
	if err != nil {
		return p, err
	}
	made, err := p.Admit(motacilla.NextRevision(heads[ch], time.Now()))
	e.commit = func() error {
		_, err := e.Store.PutPost(ctx, ch, made, 0)
		return err
	}
	return made, err
}

func (e *early) Close() error {
	if e.commit != nil {
		if err := e.commit(); err != nil {
			return err
		}
	}
	return e.Store.Close()
}

func TestEarlyBites(t *testing.T) {
	if asVictim(t, openEarly, postWriter{}) {
		return
	}
	err := durable(t, t.TempDir()+"/live.db", 2, openEarly)
	if err == nil || !strings.Contains(err.Error(), "was acknowledged") && !strings.Contains(err.Error(), "acknowledged was") {
		t.Fatalf("a store that acknowledges before it commits: %v", err)
	}
}
