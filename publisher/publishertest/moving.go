package publishertest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
)

// Moving returns p, whose connections are handed over all the time, as in an upgrade, and taken over by p again. p must be a
// [publisher.HandsOver]. A publisher that passes the suite like that loses nothing in an upgrade.
func Moving(t testing.TB, p publisher.Publisher) publisher.Publisher {
	t.Helper()
	hands, ok := p.(publisher.HandsOver)
	if !ok {
		t.Fatalf("%T does not hand over its connections", p)
	}
	return &moving{Publisher: p, hands: hands, tb: t, stop: make(chan struct{})}
}

// movePause is how long connections stay where they are.
const movePause = 2 * time.Millisecond

type moving struct {
	publisher.Publisher
	hands publisher.HandsOver
	tb    testing.TB
	stop  chan struct{}
	once  sync.Once
	work  sync.WaitGroup
}

// mount is called when the routes of the publisher are served.
func (m *moving) mount(site http.Handler) {
	m.work.Go(func() {
		for {
			err := m.hands.HandOver(context.Background(), site, func(h publisher.Handed) error {
				if m.hands.TakeOver(context.Background(), h, site) != nil { // the channel is gone
					_ = h.Socket.Close()
				}
				return nil
			})
			if err != nil {
				m.tb.Errorf("HandOver: %v", err)
			}
			select {
			case <-time.After(movePause):
			case <-m.stop:
				return
			}
		}
	})
}

// Start implements publisher.Starter.
func (m *moving) Start(ctx context.Context) error {
	if s, ok := m.Publisher.(publisher.Starter); ok {
		return s.Start(ctx)
	}
	return nil
}

// Shutdown implements publisher.Publisher.
func (m *moving) Shutdown(ctx context.Context) error {
	m.once.Do(func() { close(m.stop) })
	moved := make(chan struct{})
	go func() {
		m.work.Wait()
		close(moved)
	}()
	select {
	case <-moved:
		return m.Publisher.Shutdown(ctx)
	case <-ctx.Done():
		return errors.Join(ctx.Err(), m.Publisher.Shutdown(ctx))
	}
}
