package polling

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

type hold struct{ cancel context.CancelCauseFunc }

// Hold returns a context for a request that is held. It ends after d, or when the reader's grant expires or is revoked, always with the
// cause context.DeadlineExceeded. It ends with the cause [motacilla.ErrClosed] when [Mixin.Shutdown] begins. It also ends when the
// reader leaves. The caller must call release when the request is no longer held.
func (m *Mixin) Hold(r *http.Request, d time.Duration) (ctx context.Context, release func()) {
	grant := route.GrantOf(r)
	if !grant.Expires.IsZero() {
		d = min(d, time.Until(grant.Expires))
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	h := &hold{cancel}
	m.mu.Lock()
	draining := m.draining
	if !draining {
		if m.waiting == nil {
			m.waiting = make(map[*hold]struct{})
		}
		m.waiting[h] = struct{}{}
	}
	m.mu.Unlock()
	if draining {
		cancel(motacilla.ErrClosed)
		return ctx, func() {}
	}
	over := func() { cancel(context.DeadlineExceeded) }
	timer, unwatch := time.AfterFunc(d, over), grant.Holder.OnRevoke(over)
	return ctx, func() {
		timer.Stop()
		unwatch()
		m.mu.Lock()
		delete(m.waiting, h)
		m.mu.Unlock()
		cancel(context.Canceled)
	}
}

// Shutdown ends every [Mixin.Hold], and waits until all requests are answered or ctx ends. Later requests are answered, but
// not held.
func (m *Mixin) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.draining = true
	for h := range m.waiting {
		h.cancel(motacilla.ErrClosed)
	}
	clear(m.waiting)
	idle := m.idle
	if m.serving == 0 {
		m.mu.Unlock()
		return nil
	}
	if idle == nil {
		idle = make(chan struct{})
		m.idle = idle
	}
	m.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		m.mu.Lock()
		left := m.serving
		m.mu.Unlock()
		return fmt.Errorf("shut down %s: %d requests not answered: %w", m.Name, left, ctx.Err())
	}
}

func (m *Mixin) isDraining() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.draining
}

func (m *Mixin) enter() {
	m.mu.Lock()
	m.serving++
	m.mu.Unlock()
}

func (m *Mixin) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.serving--; m.serving == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
}
