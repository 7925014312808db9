package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// gate keeps pushes back while the hub takes none. Now and then it lets one through, as a probe. When that succeeds, it is open.
type gate struct {
	longest time.Duration // between two probes

	mu       sync.Mutex
	failures int // in a row; 0 is open
	since    time.Time
	until    time.Time // no probe before
	probing  bool
	changed  chan struct{} // closed when one of these changes
}

// shortest is the pause after the first failure. It doubles with each.
const shortest = 50 * time.Millisecond

// mostPatient is the most that a hub's Retry-After is heeded.
const mostPatient = time.Minute

func newGate(longest time.Duration) *gate {
	return &gate{longest: longest, changed: make(chan struct{})}
}

// enter waits until a push may be made. The caller must call leave with the probe that it got. The error is ctx's.
func (g *gate) enter(ctx context.Context) (probe bool, err error) {
	for {
		g.mu.Lock()
		if g.failures == 0 {
			g.mu.Unlock()
			return false, nil
		}
		pause, changed := time.Until(g.until), g.changed
		if !g.probing && pause <= 0 {
			g.probing = true
			g.mu.Unlock()
			return true, nil
		}
		if g.probing {
			pause = time.Hour // its end is a change
		}
		g.mu.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

// leave takes what came of a push: nil if the hub works, whether or not it took the message.
func (g *gate) leave(probe bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil:
		g.failures, g.since = 0, time.Time{}
	case probe || g.failures == 0: // others that began before the first failure tell nothing new
		if g.failures == 0 {
			g.since = time.Now()
		}
		g.failures++
		g.until = time.Now().Add(g.pause(err))
	}
	g.probing = g.probing && !probe
	g.change()
}

// giveBack ends a probe that was not made.
func (g *gate) giveBack(probe bool) {
	if !probe {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	g.change()
}

func (g *gate) change() {
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) pause(err error) time.Duration {
	d := g.longest
	if n := g.failures - 1; n < 32 && shortest<<n < d {
		d = shortest << n
	}
	d -= jitter(d / 4)
	var later *motacilla.RetryError
	if errors.As(err, &later) {
		d = max(d, min(later.After, mostPatient))
	}
	return d
}

// closedSince returns since when the hub takes nothing; zero if it does.
func (g *gate) closedSince() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.since
}
