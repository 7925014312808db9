package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"pgregory.net/rapid"
)

// node is a server with a history. It dies at one of its calls of the store: that call, with or without an effect, and all later ones fail.
type node struct {
	storage.Store
	left   int  // calls until it dies; negative: it does not
	effect bool // of the last call
	dead   bool
}

// call reports whether a call has an effect, and its error.
func (n *node) call() (does bool, err error) {
	if n.dead {
		return false, motacilla.ErrUnavailable
	}
	if n.left == 0 {
		n.dead = true
		return n.effect, motacilla.ErrUnavailable
	}
	n.left--
	return true, nil
}

func through[T any](n *node, do func() (T, error)) (v T, err error) {
	does, died := n.call()
	if does {
		v, err = do()
	}
	if died != nil {
		var none T
		return none, died
	}
	return v, err
}

func (n *node) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	return through(n, func() (motacilla.Post, error) { return n.Store.Post(ctx, ch, id) })
}

func (n *node) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	return through(n, func() (motacilla.Post, error) { return n.Store.PutPost(ctx, ch, p, replaces) })
}

func (n *node) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	return through(n, func() (motacilla.Revision, error) { return n.Store.DeletePost(ctx, ch, id, replaces) })
}

func (n *node) Records() motacilla.Records { return &nodeRecords{n.Store.Records(), n} }

type nodeRecords struct {
	motacilla.Records
	n *node
}

func (r *nodeRecords) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	return through(r.n, func() (motacilla.Record, error) { return r.Records.Get(ctx, namespace, key) })
}

func (r *nodeRecords) Put(ctx context.Context, record motacilla.Record) (motacilla.Record, error) {
	return through(r.n, func() (motacilla.Record, error) { return r.Records.Put(ctx, record) })
}

func (r *nodeRecords) Delete(ctx context.Context, namespace, key string, version int64) error {
	_, err := through(r.n, func() (struct{}, error) { return struct{}{}, r.Records.Delete(ctx, namespace, key, version) })
	return err
}

func (r *nodeRecords) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	return through(r.n, func() ([]motacilla.Record, error) { return r.Records.List(ctx, namespace, prefix, after, limit) })
}

// act is what one node does before it dies, if it does.
type act struct {
	What   string
	Left   int
	Effect bool
	Holder bool
}

// Whenever nodes die, no content is lost, and what was removed for good is gone.
func TestModel(t *testing.T) {
	acts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			What: rapid.SampledFrom([]string{"edit", "edit", "edit", "delete", "erase"}).Draw(t, "what"),
			Left: rapid.IntRange(-1, 14).Draw(t, "left"), Effect: rapid.Bool().Draw(t, "effect"), Holder: rapid.Bool().Draw(t, "holder"),
		}
	}), 1, 8)
	rapid.Check(t, func(rt *rapid.T) {
		all := acts.Draw(rt, "acts")
		var wrong error
		synctest.Test(t, func(t *testing.T) { wrong = model(t, all) })
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}

func model(t *testing.T, acts []act) error {
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		return err
	}
	// Its node died before it wrote into the draft which post that became.
	draft := motacilla.Record{Namespace: "drafts", Key: "c/" + somePost, Value: []byte(`{"state":"publishing","content":[]}`)}
	if _, err := store.Records().Put(t.Context(), draft); err != nil {
		return err
	}
	p, err := store.PutPost(t.Context(), "c", motacilla.Post{Author: "begin", Source: "drafts", MessageID: "draft/" + somePost}, 0)
	if err != nil {
		return err
	}
	was := map[motacilla.Revision]string{p.Revision: p.Author} // all versions that there were
	erasing, erased := false, false
	for n, a := range acts {
		time.Sleep(time.Second)
		one := &node{Store: store, left: a.Left, effect: a.Effect}
		h := history.New(one.Records(), nil)
		ctx := t.Context()
		if a.Holder {
			ctx = as(ctx, "anna")
		}
		switch a.What {
		case "edit":
			now, err := store.Post(ctx, "c", p.ID)
			if err != nil {
				continue
			}
			revision := now.Revision
			now.Author = fmt.Sprint("edit ", n)
			_, _ = h.PutPost(ctx, one, "c", now, revision)
		case "delete":
			_, _ = h.DeletePost(ctx, one, "c", p.ID, 0)
		case "erase":
			_, err := h.ErasePost(ctx, one, "c", p.ID, 0)
			erasing = true
			erased = erased || err == nil
		}
		if now, err := store.Post(ctx, "c", p.ID); err == nil {
			was[now.Revision] = now.Author
		}
	}
	time.Sleep(2 * time.Minute)
	h := history.New(store.Records(), nil)
	h.Join(history.Site{Store: store, Sink: store})
	if err := h.Sweep(t.Context()); err != nil {
		return err
	}
	list, err := store.Records().List(t.Context(), "history", "", "", 1000)
	if err != nil {
		return err
	}
	now, err := store.Post(t.Context(), "c", p.ID)
	gone := errors.Is(err, motacilla.ErrNotFound)
	drafts, err := store.Records().List(t.Context(), "drafts", "", "", 0)
	if err != nil {
		return err
	}
	if erased && (!gone || len(list) > 0 || len(drafts) > 0) {
		return fmt.Errorf("it is gone: %v, with %d versions and %d drafts left", gone, len(list), len(drafts))
	}
	if erasing && gone && len(list) == 0 {
		if len(drafts) > 0 {
			return errors.New("the erasure that was completed has left a draft")
		}
		return nil
	}
	kept := map[motacilla.Revision]bool{now.Revision: true}
	for revision, content := range was {
		one, err := h.PostAt(t.Context(), "c", p.ID, revision)
		if err == nil && one.Author != content {
			return fmt.Errorf("revision %d is %q, not %q", revision, one.Author, content)
		}
		kept[revision] = kept[revision] || err == nil
		if !kept[revision] {
			return fmt.Errorf("revision %d, %q, is lost", revision, content)
		}
	}
	return nil
}
