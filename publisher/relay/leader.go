package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// leader is the node that pushes, for one term.
type leader struct {
	*Relay
	term   *work.Term
	pushes context.Context // of the pushes: it outlasts the orderly end of the term
	lanes  *lanes
	gate   *gate
	points *checkpoints
	look   uint64        // the number of the last look at all channels
	hurry  chan struct{} // has a token if a look is due at once

	letters *Letters     // used only if the traits say so
	waiting atomic.Int64 // letters
	resting atomic.Bool  // the hub wants nothing
}

// lead pushes until ctx ends: the term is over, or the relay stops.
func (r *Relay) lead(ctx, pushes context.Context, term *work.Term) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	held, over := term.Context(ctx)
	defer over()
	defer context.AfterFunc(pushes, over)()
	l := &leader{
		Relay: r, term: term, pushes: held, lanes: newLanes(), gate: newGate(r.o.Backoff),
		points: newCheckpoints(r.kit.Source.Records(), r.o.Name, term.Token), hurry: make(chan struct{}, 1),
		letters: NewLetters(r.kit.Source.Records()),
	}
	if r.traits.Letters {
		l.gate.shut() // until the letters are known, since one may say that the hub wants nothing
	}
	if !l.begin(ctx) {
		return
	}
	stop := r.kit.Feed.Follow(l.hear)
	defer stop()
	l.lookOnce(ctx) // so that it is known from the start what waits
	r.log.Info("this node relays", zap.Int64("term", term.Token))
	r.stats.leader.Store(l)
	defer r.stats.leader.Store(nil)
	var all sync.WaitGroup
	for range r.o.Pushes {
		all.Go(func() { l.work(ctx) })
	}
	all.Go(func() { l.watch(ctx) })
	if r.traits.Letters {
		all.Go(func() { l.answer(ctx) })
	}
	l.keep(ctx, cancel)
	all.Wait()
	if held.Err() == nil {
		l.save(held)
	}
}

// begin reads the checkpoints. A relay that runs for the first time begins at the heads of all channels.
func (l *leader) begin(ctx context.Context) bool {
	for pause := shortest; ; pause = min(2*pause, time.Second) {
		first, err := l.points.load(ctx)
		if err == nil && first {
			err = l.first(ctx)
		}
		if err == nil {
			l.points.each(l.lanes.restore)
			return true
		}
		if ctx.Err() != nil || errors.Is(err, errOverruled) {
			return false
		}
		l.log.Warn("the relay can't begin; it tries again", zap.Error(err))
		sleep(ctx, pause+jitter(pause))
	}
}

// first puts all channels that there are at their heads.
func (l *leader) first(ctx context.Context) error {
	err := l.channels(ctx, func(c *motacilla.Channel) { l.points.set(c.ID, c.Head, c.Access != motacilla.Public) })
	if err != nil {
		return err
	}
	l.points.all()
	return l.points.flush(ctx)
}

// hear takes a hint of the store's. It does not block.
func (l *leader) hear(m motacilla.Moved) {
	switch {
	case m == (motacilla.Moved{}):
		l.lookSoon()
	case l.matches(m.Channel):
		l.lanes.hear(m.Channel, m.Head)
	}
}

func (l *leader) lookSoon() {
	select {
	case l.hurry <- struct{}{}:
	default:
	}
}

// lookEvery is how often all channels are compared with what the hub has, since hints may be lost. It is more if a look takes long.
const lookEvery = 2 * time.Second

// watch looks at all channels, again and again.
func (l *leader) watch(ctx context.Context) {
	var took time.Duration
	for {
		timer := time.NewTimer(max(lookEvery, 20*took))
		select {
		case <-timer.C:
		case <-l.hurry:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		l.lookOnce(ctx)
		took = time.Since(began)
	}
}

// lookOnce is lookAtAll that tells of an error. There is another look soon.
func (l *leader) lookOnce(ctx context.Context) {
	if err := l.lookAtAll(ctx); err != nil && ctx.Err() == nil {
		l.log.Warn("the channels can't be read; it is tried again", zap.Error(err))
	}
}

// lookAtAll makes the channels due whose head is not what the hub has, and those that are no longer there.
func (l *leader) lookAtAll(ctx context.Context) error {
	l.look++
	if err := l.channels(ctx, func(c *motacilla.Channel) { l.lanes.list(c, l.look) }); err != nil {
		return err
	}
	l.lanes.missing(l.look)
	return nil
}

// channels calls do with each channel that the relay is for.
func (l *leader) channels(ctx context.Context, do func(*motacilla.Channel)) error {
	const page = 500
	for after := motacilla.ChannelID(""); ; {
		list, err := l.kit.Source.Channels(ctx, after, page)
		if err != nil {
			return err
		}
		for i := range list {
			if l.matches(list[i].ID) {
				do(&list[i])
			}
		}
		if len(list) < page {
			return nil
		}
		after = list[len(list)-1].ID
	}
}

// saveEvery is how often checkpoints are written: so much is pushed again after the death of a leader.
const saveEvery = time.Second

// keep writes the checkpoints until the term is over, which it is if a later leader has written.
func (l *leader) keep(ctx context.Context, resign func()) {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if !l.save(ctx) {
				resign()
			}
		case <-ctx.Done():
			return
		}
	}
}

// save writes the checkpoints that have changed. It returns false if another node leads.
func (l *leader) save(ctx context.Context) bool {
	err := l.points.flush(ctx)
	switch {
	case errors.Is(err, errOverruled):
		l.log.Warn("this node no longer relays", zap.Error(err))
		return false
	case err != nil && ctx.Err() == nil:
		l.log.Warn("how far the hub is can't be stored; it is tried again", zap.Error(err))
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func jitter(d time.Duration) time.Duration { return rand.N(d + 1) }
