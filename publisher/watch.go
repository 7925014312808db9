package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// watch is what a reader has whose permission can be revoked. Nearly all readers have none.
type watch struct {
	holder *route.Holder
	stop   func() bool // nil if it has not begun, or has ended
	shares int         // how many subscriptions of a connection have it
}

// newWatch returns a watch that has not begun; nil if the permission can't be revoked.
func newWatch(h *route.Holder) *watch {
	if !h.Revocable() {
		return nil
	}
	return &watch{holder: h}
}

// begin has f called in a goroutine of its own when the permission is revoked. end must be called.
func (w *watch) begin(f func()) { w.stop = w.holder.OnRevoke(f) }

// end is called when the reader leaves. f may be called once more while it returns.
func (w *watch) end() {
	if w != nil && w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// id is what another process knows the permission by; empty if it can't be revoked.
func (w *watch) id() string {
	if w == nil {
		return ""
	}
	return w.holder.ID
}

// canMove reports whether another process can watch the permission. One that was revoked ends the reader here.
func (f *Feed) canMove(w *watch) bool {
	return w == nil || f.options.Holder != nil && !w.holder.Revoked()
}

// permitted returns the watch of a reader that another process has watched. If its permission was revoked meanwhile, or nobody here
// knows it, so is that of the watch. The error says that it can't be told.
func (f *Feed) permitted(ctx context.Context, id string, ch motacilla.ChannelID) (*watch, error) {
	if id == "" {
		return nil, nil
	}
	var h *route.Holder
	if ask := f.options.Holder; ask != nil {
		err := f.patiently(ctx, func() (err error) {
			h, err = ask(ctx, id, ch)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("ask for a permission: %w", err)
		}
	}
	if h == nil {
		var revoke func()
		h, revoke = route.NewHolder(id, "", "")
		revoke()
	}
	return newWatch(h), nil
}

// patience is how often the store is asked for a connection that is taken over. Others wait meanwhile.
const patience = 3

// patiently calls ask again if the store is out of reach for a moment.
func (f *Feed) patiently(ctx context.Context, ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		if !errors.Is(err, motacilla.ErrUnavailable) || try == patience {
			return err
		}
		select {
		case <-time.After(f.options.Repair):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
