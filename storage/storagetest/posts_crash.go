package storagetest

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// RunDurable runs a process that writes, kills it, and looks for every acknowledged write. It does so again and again.
// open opens the store. path is the same each time; a store that is a file may live there. The process is the test's
// own binary. It runs the test that calls RunDurable, which therefore must not be a subtest.
func RunDurable(t *testing.T, open func(ctx context.Context, path string) (storage.Store, error)) {
	if asVictim(t, open, postWriter{}) {
		return
	}
	if err := durable(t, t.TempDir()+"/live.db", unlessShort(20, 4), open); err != nil {
		t.Fatal(err)
	}
}

// postWriter is the child of RunDurable. What a post says is its author too.
type postWriter struct{}

func (postWriter) make(ctx context.Context, s storage.Store, _, text string) (ack, error) {
	p, err := s.PutPost(ctx, "crash", said("", text), 0)
	return ack{Key: string(p.ID), Revision: int64(p.Revision), Text: text}, err
}

func (postWriter) change(ctx context.Context, s storage.Store, was ack, text string) (ack, error) {
	p, err := s.PutPost(ctx, "crash", said(was.Key, text), motacilla.Revision(was.Revision))
	return ack{Key: was.Key, Revision: int64(p.Revision), Text: text}, err
}

func (postWriter) remove(ctx context.Context, s storage.Store, was ack) (ack, error) {
	rev, err := s.DeletePost(ctx, "crash", motacilla.PostID(was.Key), 0)
	return ack{Key: was.Key, Revision: int64(rev)}, err
}

func said(id, text string) motacilla.Post {
	return motacilla.Post{ID: motacilla.PostID(id), Author: text, Content: []motacilla.Block{motacilla.PlainText(text)}}
}

// durable returns an error that names what was lost or torn.
func durable(t *testing.T, path string, rounds int, open openPath) error {
	s, err := open(t.Context(), path)
	if err != nil {
		return err
	}
	first, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "crash"}, 0)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	acked, last := make(map[string]ack), int64(first.Head)
	return kills(t, path, rounds, open, func(_ int, s storage.Store, said []ack) (err error) {
		for _, a := range said {
			if a.Revision <= last {
				return fmt.Errorf("revision %d issued after %d", a.Revision, last)
			}
			acked[a.Key], last = a, a.Revision
		}
		last, err = survived(t.Context(), s, first.Head, last, acked)
		return err
	})
}

// survived looks for every acknowledged write, writes once, and returns the revision of that write. What it finds is
// added to acked: a write that was read must not be lost either.
func survived(
	ctx context.Context, s storage.Store, first motacilla.Revision, last int64, acked map[string]ack,
) (int64, error) {
	facts, err := s.Changes(ctx, "crash", first, 0)
	if err != nil {
		return 0, err
	}
	if !facts.Known || int64(facts.Head) < last {
		return 0, fmt.Errorf("head is %d, known %v, but revision %d was acknowledged", facts.Head, facts.Known, last)
	}
	now := make(map[string]ack)
	for _, p := range facts.Posts {
		if len(p.Content) != 1 || p.Content[0].Text.String() != p.Author {
			return 0, fmt.Errorf("post %s of revision %d is torn: %q, %v", p.ID, p.Revision, p.Author, p.Content)
		}
		now[string(p.ID)] = ack{string(p.ID), int64(p.Revision), p.Author, p.Author}
	}
	for _, r := range facts.Removed {
		now[string(r.ID)] = ack{Key: string(r.ID), Revision: int64(r.Revision)}
	}
	for id, want := range acked {
		got := now[id]
		if !want.allows(got) {
			return 0, fmt.Errorf("post %s is %+v, acknowledged was %+v", id, got, want)
		}
		if got.Revision == want.Revision {
			now[id] = want // its next write may still come
		}
	}
	for i, rev := range facts.Issued {
		if i > 0 && rev <= facts.Issued[i-1] {
			return 0, fmt.Errorf("revision %d is listed after %d", rev, facts.Issued[i-1])
		}
	}
	maps.Copy(acked, now)
	p, err := s.PutPost(ctx, "crash", said("", "after"), 0)
	if err != nil || p.Revision <= facts.Head {
		return 0, fmt.Errorf("a write after the kill: revision %d, head was %d: %w", p.Revision, facts.Head, err)
	}
	return int64(p.Revision), nil
}
