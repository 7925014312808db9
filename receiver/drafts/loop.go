package drafts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// every is how often a node looks for drafts that are due.
const every = 500 * time.Millisecond

// loop publishes what is due, until ctx ends.
func (k *keeper) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next, err := k.round(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			k.log.Warn("drafts can't be published now; this node tries again", zap.Error(err))
		}
		failing = err != nil
		wait := every
		if !next.IsZero() {
			wait = max(min(wait, next.Sub(k.now())), time.Millisecond)
		}
		timer.Reset(wait)
	}
}

// round publishes what is due, and returns when the next draft is due that it has seen; zero: none. What fails does not keep the
// others from coming out.
func (k *keeper) round(ctx context.Context) (next time.Time, err error) {
	const page = 100
	seen := map[string]int64{}
	defer func() { k.seen = seen }()
	var errs []error
	for after := ""; ; {
		list, err := k.records.List(ctx, dueNamespace, "", after, page)
		if err != nil {
			return next, errors.Join(append(errs, fmt.Errorf("list what is due: %w", err))...)
		}
		for _, r := range list {
			entry, err := parseDue(r)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if entry.at.After(k.now()) {
				return entry.at, errors.Join(errs...)
			}
			if err := k.due(ctx, entry, seen); err != nil {
				errs = append(errs, err)
			}
		}
		if len(list) < page {
			return next, errors.Join(errs...)
		}
		after = list[len(list)-1].Key
	}
}

// due does what is to be done with an entry that is due.
func (k *keeper) due(ctx context.Context, entry due, seen map[string]int64) error {
	d, err := k.get(ctx, entry.channel, entry.id)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return k.leave(ctx, entry)
	case err != nil:
		return err
	case d.State == Publishing && d.At.Equal(entry.at):
		seen[d.key()] = d.version
		if k.seen[d.key()] != d.version {
			return nil // whoever has begun has half a second
		}
		_, err = k.settle(ctx, d)
		return err
	case d.State == Scheduled && d.At.Equal(entry.at):
		d, err = k.claim(ctx, d)
		if errors.Is(err, motacilla.ErrConflict) || errors.Is(err, motacilla.ErrNotFound) {
			return nil // another node was faster, or an editor: the next round sees what has become of it
		}
		if err == nil {
			seen[d.key()] = d.version // if this fails, the next round tries again
			_, err = k.settle(ctx, d)
		}
		return err
	case d.State != Published && d.State != Publishing:
		if _, err := k.put(ctx, d); err != nil { // see dueNamespace
			if errors.Is(err, motacilla.ErrConflict) || errors.Is(err, motacilla.ErrNotFound) {
				return nil
			}
			return err
		}
	}
	return k.leave(ctx, entry)
}

// claim takes a draft that is due: from now on nobody can change it.
func (k *keeper) claim(ctx context.Context, d draft) (draft, error) {
	next := d
	next.State = Publishing
	return k.replace(ctx, d, next)
}
