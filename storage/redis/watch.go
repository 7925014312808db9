package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

const (
	beat    = time.Second     // how often a subscription is asked whether it is there
	silence = 3 * time.Second // how long it may say nothing at all; to let it connect or to answer once may take 2/3 of it
)

var errSilent = errors.New("nothing heard")

// Watch calls notify for every channel that moves. A write through this Store is told at once, before the write
// returns. Any write is told when the server tells of it. If the connection breaks, Watch makes another one and then
// tells the heads of all channels. It returns an error if the first connection can't be made, and ErrClosed after
// Close.
func (s *Store) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	if ctx.Err() != nil {
		return nil
	}
	if !s.gate.Open() {
		return fmt.Errorf("watch: %w", motacilla.ErrClosed)
	}
	w := &watch{store: s}
	sub, err := w.subscribe(ctx)
	if err == nil {
		tell, end := s.watchers.Begin(notify)
		defer end()
		w.tell.Store(&tell)
	}
	for err == nil {
		err = sub.last(ctx, s)
		sub.close()
		if ctx.Err() != nil || !s.gate.Open() {
			break
		}
		s.logger.Warn("hints broke off; subscribing again", zap.Error(err))
		silent := errors.Is(err, errSilent)
		if silent {
			s.server.renew(time.Now().Add(-beat))
		}
		sub, err = w.again(ctx, silent)
	}
	switch {
	case !s.gate.Open():
		return fmt.Errorf("watch: %w", motacilla.ErrClosed)
	case ctx.Err() != nil:
		return nil
	}
	return fmt.Errorf("watch: %w", s.server.fault(ctx, err))
}

// watch is one Watch.
type watch struct {
	store *Store
	tell  atomic.Pointer[func(motacilla.Moved)] // nil until it has begun
}

func (w *watch) hear(m motacilla.Moved) {
	if tell := w.tell.Load(); tell != nil {
		(*tell)(m)
	}
}

// again subscribes, with pauses, until that succeeds and all heads have been told. An error is that of ctx. If the
// network was silent, it replaces the connections too, since they may have been made during the silence.
func (w *watch) again(ctx context.Context, silent bool) (*subscription, error) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, beat) {
		t := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-w.store.done:
			t.Stop()
			return nil, motacilla.ErrClosed
		}
		began := time.Now()
		sub, err := w.subscribe(ctx)
		if err != nil {
			silent = silent || slow(err)
			continue
		}
		if silent {
			w.store.server.renew(began)
		}
		if err = w.store.heads(ctx, w.hear); err == nil {
			w.store.logger.Info("hints come again")
			return sub, nil
		}
		sub.close()
	}
}

// slow reports whether there was no answer in time.
func slow(err error) bool {
	var timeout net.Error
	return errors.Is(err, errSlow) || errors.As(err, &timeout) && timeout.Timeout()
}

// heads tells the head of every channel.
func (s *Store) heads(ctx context.Context, tell func(motacilla.Moved)) error {
	after := motacilla.ChannelID("")
	for {
		ids, err := call(ctx, s, func(ctx context.Context) ([]motacilla.ChannelID, error) {
			ids, err := s.ids(ctx, after, page)
			if err != nil {
				return nil, err
			}
			rows, err := s.fields(ctx, ids, "head", "deleted")
			for i, row := range rows {
				if head, err := parseRevision(row.text(0)); err == nil {
					tell(motacilla.Moved{Channel: ids[i], Head: head, Deleted: row.text(1) != "0"})
				}
			}
			return ids, err
		}, "look where channels are")
		if err != nil || len(ids) < page {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// subscription is one connection, and the goroutine that reads from it.
type subscription struct {
	pubsub *goredis.PubSub
	cancel context.CancelFunc
	heard  atomic.Int64 // when something was last heard, by time.Now().UnixNano
	ready  chan struct{}
	ended  chan struct{} // closed when the reader has ended
	err    error         // the reader's, when it has
}

// subscribe connects, and returns when the server has confirmed the subscription.
func (w *watch) subscribe(ctx context.Context) (*subscription, error) {
	s := w.store
	reading, cancel := context.WithCancel(ctx)
	sub := &subscription{
		pubsub: s.server.hints.Subscribe(reading), cancel: cancel, ready: make(chan struct{}), ended: make(chan struct{}),
	}
	go func() {
		defer close(sub.ended)
		sub.err = sub.read(reading, s.topic, w.hear)
	}()
	t := time.NewTimer(min(s.server.timeout, s.server.silence))
	defer t.Stop()
	var err error
	select {
	case <-sub.ready:
		return sub, nil
	case <-sub.ended:
		err = sub.err
	case <-t.C:
		err = errSlow
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.done:
		err = motacilla.ErrClosed
	}
	sub.close()
	return nil, err
}

func (sub *subscription) read(ctx context.Context, topic string, hear func(motacilla.Moved)) error {
	if err := sub.pubsub.Subscribe(ctx, topic); err != nil {
		return err
	}
	for ready := false; ; {
		message, err := sub.pubsub.Receive(ctx)
		if err != nil {
			return err
		}
		sub.heard.Store(time.Now().UnixNano())
		switch m := message.(type) {
		case *goredis.Subscription:
			if ready { // go-redis has connected anew by itself, and what was told meanwhile is missing
				return errors.New("connected anew")
			}
			ready = true
			close(sub.ready)
		case *goredis.Message:
			if moved, ok := parseHint(m.Payload); ok {
				hear(moved)
			}
		}
	}
}

// last waits until the connection breaks, or does not answer when it is asked. go-redis has no deadline for the answer.
func (sub *subscription) last(ctx context.Context, s *Store) error {
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.done:
			return nil
		case <-sub.ended:
			return sub.err
		case <-t.C:
		}
		if d := time.Since(time.Unix(0, sub.heard.Load())); d > s.server.silence {
			return fmt.Errorf("%w for %v", errSilent, d.Round(time.Millisecond))
		}
		asking, cancel := context.WithTimeout(ctx, beat)
		err := sub.pubsub.Ping(asking)
		cancel()
		if err != nil {
			return err
		}
	}
}

// close ends the reader and waits for it.
func (sub *subscription) close() {
	sub.cancel()
	_ = sub.pubsub.Close()
	<-sub.ended
}

// parseHint reads what write.lua publishes: channel, revision, deleted.
func parseHint(payload string) (m motacilla.Moved, ok bool) {
	part := strings.Split(payload, " ")
	if len(part) != 3 || part[2] != "0" && part[2] != "1" {
		return m, false
	}
	id, err := motacilla.ParseChannelID(part[0])
	if err != nil {
		return m, false
	}
	rev, err := parseRevision(part[1])
	return motacilla.Moved{Channel: id, Head: rev, Deleted: part[2] == "1"}, err == nil && rev > 0
}
