package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// each follows every channel of a bundle alone, over the transports that it names.
type each struct {
	*bundle
	names []string
}

// singles are the followers of a bundle's channels.
type singles struct {
	each
	session *session
	cancel  context.CancelCauseFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	running map[*subscription]context.CancelFunc
	failed  map[*subscription]struct{} // those that have failed since the last update of any
}

func (e each) read(ctx context.Context, s *session) error {
	s.first.Stop() // each follower has its own
	ctx, cancel := context.WithCancelCause(ctx)
	g := &singles{each: e, session: s, cancel: cancel,
		running: map[*subscription]context.CancelFunc{}, failed: map[*subscription]struct{}{}}
	defer g.work.Wait()
	defer cancel(nil)
	for {
		if g.over() {
			return nil
		}
		g.match(ctx)
		g.wait(ctx, time.Time{})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// match starts and ends followers, so that they are those of the bundle's channels.
func (g *singles) match(ctx context.Context) {
	list := g.list()
	wanted := make(map[*subscription]bool, len(list))
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range list {
		wanted[s] = true
		if g.running[s] == nil {
			one, cancel := context.WithCancel(ctx)
			g.running[s] = cancel
			g.work.Go(func() { g.follow(one, s) })
		}
	}
	for s, cancel := range g.running {
		if !wanted[s] {
			cancel()
		}
	}
}

// follow follows one channel. Its follower is told of failures, so that the bundle may use another transport.
func (g *singles) follow(ctx context.Context, s *subscription) {
	o := g.many.o
	o.Transports = g.names
	o.Retry = func(err error, wait time.Duration) error { return g.fail(s, err, wait) }
	g.many.mu.Lock()
	o.Since = s.cursor
	g.many.mu.Unlock()
	f := newFollower(g.many.client, g.links, s.channel, o, func(u motacilla.Update, _ error) bool {
		if !u.Heartbeat() {
			g.take(s, &u, true)
		}
		return ctx.Err() == nil
	})
	f.works = g.delivered
	err := f.run(ctx)
	if ctx.Err() == nil && err != nil && final(err) {
		g.refuse(s, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[s]()
	delete(g.running, s)
	delete(g.failed, s)
}

// delivered notes that the transport works.
func (g *singles) delivered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.session.delivered = true
	clear(g.failed)
}

// fail is told that a follower has failed. If all have, it may be the transport's fault, and all end.
func (g *singles) fail(s *subscription, err error, wait time.Duration) error {
	g.mu.Lock()
	g.failed[s] = struct{}{}
	all := len(g.failed) == len(g.running)
	g.mu.Unlock()
	if all {
		g.cancel(err)
		return err
	}
	return g.loop.fault(fmt.Errorf("follow channel %q: %w", s.channel, err), wait)
}
