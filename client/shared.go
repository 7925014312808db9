package client

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// shared follows all channels of a bundle over one connection.
type shared struct {
	transport
	*bundle
	inAddress bool // the address says which channels; otherwise messages do
}

var errUnanswered = errors.New("the server has not said whether it follows a channel")

func (t shared) read(ctx context.Context, s *session) error {
	if err := t.await(ctx, s); err != nil {
		return err
	}
	t.begin(t.inAddress)
	open, cancel := context.WithCancelCause(ctx)
	var work sync.WaitGroup
	work.Go(func() { cancel(t.attend(open, s)) })
	err := t.transport.read(open, s)
	cancel(err) // the first cause stays
	work.Wait()
	switch cause := context.Cause(open); {
	case errors.Is(cause, errAnew), errors.Is(cause, errUnanswered), errors.Is(cause, errBroken):
		return cause
	case err != nil && final(err):
		return t.sift(ctx, err)
	}
	return err
}

// await waits until a channel may be asked for.
func (b *bundle) await(ctx context.Context, s *session) error {
	for {
		b.many.mu.Lock()
		b.line = &line{}
		due, later, none := len(b.missing()) > 0, b.next(), len(b.subs) == 0
		b.many.mu.Unlock()
		switch {
		case none:
			return errAnew
		case due:
			s.first.Reset(b.ladder.first())
			return nil
		}
		s.first.Stop()
		b.wait(ctx, later)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// wait waits until something has changed, or until a time; zero is never.
func (b *bundle) wait(ctx context.Context, until time.Time) {
	var late <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-b.changed:
	case <-late:
	case <-ctx.Done():
	}
}

// begin begins a connection.
func (b *bundle) begin(inAddress bool) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	b.line = &line{inAddress: inAddress, on: map[motacilla.ChannelID]*place{}, since: time.Now()}
	if inAddress {
		b.line.asked = b.missing()
	}
}

// question returns the address with the channels that are asked for in it.
func (b *bundle) question(address *url.URL) *url.URL {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	var query []string
	if address.RawQuery != "" {
		query = append(query, address.RawQuery)
	}
	for _, channel := range slices.Sorted(maps.Keys(b.line.asked)) {
		query = append(query, "c="+url.QueryEscape(string(channel))+","+b.line.asked[channel].cursor.String())
	}
	u := *address
	u.RawQuery = strings.Join(query, "&")
	return &u
}

func (b *bundle) opened(send func([]byte) error) {
	b.many.mu.Lock()
	defer b.many.mu.Unlock()
	b.line.send, b.line.since = send, time.Now()
	b.notify()
}
