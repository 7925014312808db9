package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// loop is one loop over [Many.Updates].
type loop struct {
	links
	many   *Many
	ctx    context.Context
	cancel context.CancelFunc
	calls  chan call
	work   sync.WaitGroup // of the bundles

	bundles []*bundle // guarded by many.mu

	// These are touched on the goroutine of the loop only.
	yield  func(motacilla.Update, error) bool
	left   bool  // the caller has left the loop
	enough error // what FollowOptions.Retry has returned
}

// call is what a connection has done on the goroutine of the loop.
type call struct {
	f    func()
	done chan struct{}
}

// run makes calls until the loop ends. It returns nil if the caller has left it.
func (l *loop) run() error {
	for {
		select {
		case c := <-l.calls:
			c.make()
		case <-l.ctx.Done():
		}
		switch {
		case l.left:
			return nil
		case l.enough != nil:
			return l.enough
		case l.ctx.Err() != nil:
			return l.ctx.Err()
		}
	}
}

func (c call) make() {
	defer close(c.done) // also if the loop's body panics
	c.f()
}

// do has the loop call f, and reports whether it did.
func (l *loop) do(f func()) bool {
	c := call{f, make(chan struct{})}
	select {
	case l.calls <- c:
		<-c.done
		return true
	case <-l.ctx.Done():
		return false
	}
}

// close ends all connections, and waits for their end.
func (l *loop) close() {
	l.cancel()
	l.many.mu.Lock()
	l.many.loop = nil
	l.many.mu.Unlock()
	l.work.Wait()
}

// assign chooses what a channel is read with. The caller must hold Many.mu.
func (l *loop) assign(s *subscription) {
	for _, b := range l.bundles {
		if b.add(s) {
			return
		}
	}
	b := newBundle(l)
	b.add(s)
	l.bundles = append(l.bundles, b)
	l.work.Go(b.follow)
}

// take yields an update if it is of use by the rules of [motacilla.View]. asked must be true for the first update of a poll, or of a
// channel on a connection. The verdict is motacilla.Ignore if the channel was removed.
func (l *loop) take(s *subscription, u *motacilla.Update, asked bool) (verdict motacilla.Verdict) {
	l.do(func() {
		m := l.many
		m.mu.Lock()
		view := motacilla.View{Revision: s.cursor}
		if verdict = view.Judge(u, asked); s.removed {
			verdict = motacilla.Ignore
		}
		if verdict == motacilla.Take {
			s.cursor = u.Revision
			if u.Gone {
				m.drop(s)
			}
		}
		m.mu.Unlock()
		if verdict == motacilla.Take {
			l.left = !l.yield(*u, nil)
		}
	})
	return verdict
}

// refuse tells the caller that a channel is not followed, and removes it.
func (l *loop) refuse(s *subscription, err error) {
	l.do(func() {
		l.many.mu.Lock()
		removed := s.removed
		l.many.drop(s)
		l.many.mu.Unlock()
		if !removed {
			l.left = !l.yield(motacilla.Update{Channel: s.channel}, fmt.Errorf("follow channel %q: %w", s.channel, err))
		}
	})
}

// fault calls FollowOptions.Retry. If that returns an error, the loop ends with it.
func (l *loop) fault(err error, wait time.Duration) error {
	retry := l.many.o.Retry
	if retry == nil {
		return nil
	}
	var enough error
	if !l.do(func() { enough = retry(err, wait); l.enough = enough }) {
		return l.ctx.Err()
	}
	return enough
}
