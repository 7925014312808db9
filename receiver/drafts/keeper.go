package drafts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// attempts is how often a change is tried before it is a conflict.
const attempts = 20

// keeper keeps drafts in records, and publishes them.
type keeper struct {
	records motacilla.Records
	sink    receiver.Sink
	ingest  *receiver.Ingest
	note    func(receiver.Event) // adds to the audit log
	log     *zap.Logger
	now     func() time.Time

	seen map[string]int64 // what the last round saw coming out, with the versions; of the loop's goroutine alone
}

func (k *keeper) get(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (draft, error) {
	r, err := k.records.Get(ctx, drafted.Namespace, keyOf(ch, id))
	if errors.Is(err, motacilla.ErrNotFound) {
		return draft{}, fmt.Errorf("draft %q of channel %q: %w", id, ch, motacilla.ErrNotFound)
	}
	if err != nil {
		return draft{}, fmt.Errorf("get draft %q: %w", id, err)
	}
	return parse(r)
}

// put writes d in place of its version.
func (k *keeper) put(ctx context.Context, d draft) (draft, error) {
	r, err := d.record()
	if err == nil {
		r, err = k.records.Put(ctx, r)
	}
	if err != nil {
		return d, fmt.Errorf("put draft %q: %w", d.id, err)
	}
	d.version = r.Version
	return d, nil
}

// change changes a draft by compare-and-swap. edit may run more than once. What it returns as an error is returned, and nothing
// changes then.
func (k *keeper) change(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(d *draft) error,
) (draft, error) {
	for n := 0; ; n++ {
		was, err := k.get(ctx, ch, id)
		if err != nil {
			return was, err
		}
		next := was
		if err := edit(&next); err != nil {
			return was, err
		}
		if next.same(was) {
			return was, nil
		}
		next, err = k.replace(ctx, was, next)
		if !errors.Is(err, motacilla.ErrConflict) || n == attempts {
			return next, err
		}
	}
}

// replace writes next in place of was, and sees to the entries of both.
func (k *keeper) replace(ctx context.Context, was, next draft) (draft, error) {
	if !next.State.armed() {
		next.At, next.Now, next.Life = time.Time{}, false, time.Time{}
		if next.State != Published {
			next.Approved = byline.Person{}
		}
	}
	next.At, next.Modified = motacilla.Micro(next.At), motacilla.Micro(k.now())
	same := was.State.armed() && next.State.armed() && was.At.Equal(next.At)
	old := dueOf(was)
	var err error
	if was.State.armed() && !same { // its version is read before the draft is replaced: see dueNamespace
		if old, err = k.find(ctx, old); err != nil {
			return was, fmt.Errorf("look for the time of draft %q: %w", was.id, err)
		}
	}
	if next.State.armed() && !same {
		if err := k.enter(ctx, dueOf(next)); err != nil {
			return was, fmt.Errorf("enter the time of draft %q: %w", was.id, err)
		}
	}
	stored, err := k.put(ctx, next)
	if err != nil {
		return was, err
	}
	_ = k.leave(ctx, old) // otherwise it is removed when it is due
	return stored, nil
}

// remove removes a draft of this version.
func (k *keeper) remove(ctx context.Context, d draft) error {
	entry := dueOf(d)
	if d.State.armed() {
		var err error
		if entry, err = k.find(ctx, entry); err != nil {
			return fmt.Errorf("look for the time of draft %q: %w", d.id, err)
		}
	}
	if err := k.records.Delete(ctx, drafted.Namespace, d.key(), d.version); err != nil {
		return fmt.Errorf("remove draft %q: %w", d.id, err)
	}
	_ = k.leave(ctx, entry) // otherwise it is removed when it is due
	return nil
}
