package media

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/sync/semaphore"
)

// Library keeps images: it checks them, turns them upright, makes their sizes, and serves them. What it knows of an image is in
// the store's records, and its files are in a [Store]. All methods may be called from many goroutines at once. Libraries of
// several nodes share their images if they share records and store.
//
// Whoever puts an image into a post must call Add, Image or Fill for it first, and must store the post within half of
// Options.Grace. An image that no post has is removed some time later: see [Collector].
type Library struct {
	store   Store
	records motacilla.Records
	o       Options
	widths  []int
	memory  *semaphore.Weighted
	known   *known
}

// NewLibrary returns the library whose files are in store. The error is an ErrInvalid that names the option.
func NewLibrary(store Store, records motacilla.Records, o *Options) (*Library, error) {
	l := &Library{store: store, records: records, o: o.withDefaults()}
	var err error
	if l.widths, err = l.o.widths(); err != nil {
		return nil, err
	}
	l.memory = semaphore.NewWeighted(int64(l.o.Memory))
	l.known = newKnown(min(time.Minute, l.o.Grace/4))
	return l, nil
}

var ids = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// Image returns the image of an ID as a block without Alt. The error is a motacilla.ErrNotFound if there is none. The image is
// not removed within half of Options.Grace from now.
func (l *Library) Image(ctx context.Context, id string) (motacilla.Block, error) {
	e, err := l.used(ctx, id)
	if err != nil {
		return motacilla.Block{}, fmt.Errorf("image %q: %w", id, err)
	}
	return e.block(), nil
}

// used returns a ready image, and takes back that it was condemned. A reading that is a little old serves too: the image was not
// condemned then, so that it is looked for again in all posts before it is removed.
func (l *Library) used(ctx context.Context, id string) (*entry, error) {
	if !ids.MatchString(id) {
		return nil, motacilla.ErrNotFound
	}
	if e := l.known.get(id); e != nil && e.Condemned.IsZero() {
		return e, nil
	}
	for {
		e, err := l.look(ctx, id)
		if err != nil || e.Condemned.IsZero() {
			return e, err
		}
		e.Condemned = time.Time{}
		err = l.write(ctx, e)
		if err == nil {
			l.known.put(e)
			return e, nil
		}
		if !errors.Is(err, motacilla.ErrConflict) {
			return nil, err
		}
	}
}

// look reads a ready image from the records. The error is an ErrNotFound if there is none.
func (l *Library) look(ctx context.Context, id string) (*entry, error) {
	e, err := l.read(ctx, id)
	if err == nil && e.State != ready {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		l.known.forget(id)
		return nil, err
	}
	seen := *e
	l.known.put(&seen)
	return e, nil
}
