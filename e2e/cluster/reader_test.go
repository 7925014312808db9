package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// reader follows a channel by one transport until it is stopped.
type reader struct {
	name    string
	base    string // URL of a node, or of the balancer
	channel motacilla.ChannelID
	stop    context.CancelFunc
	ended   chan struct{}

	mu     sync.Mutex
	view   motacilla.View
	moved  chan struct{}      // closed when the view changes or a rule is broken
	leave  context.CancelFunc // ends the connection; the reader comes back
	resets int
	gone   int   // how often the channel was deleted
	faults int   // how often the reader had to try again
	fault  error // the last
	wrong  error
}

// readAll starts a reader for each transport, by each version of HTTP.
func readAll(t *testing.T, w wire, base string, ch motacilla.ChannelID) (readers []*reader) {
	for _, transport := range []string{"sse", "websocket", "long-polling", "interval-polling"} {
		for _, v := range w.versions(transport) {
			readers = append(readers, read(t, base, transport, v, ch))
		}
	}
	return readers
}

// read starts a reader, which begins with the newest page of the channel.
func read(t *testing.T, base, transport string, v version, ch motacilla.ChannelID) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{
		name: fmt.Sprintf("%s over %s at %s", transport, v, base), base: base, channel: ch, stop: cancel, ended: make(chan struct{}),
		moved: make(chan struct{}), leave: func() {},
	}
	go func() {
		defer close(r.ended)
		r.run(ctx, transport, v)
	}()
	t.Cleanup(r.close)
	return r
}

func (r *reader) close() {
	r.stop()
	<-r.ended
}

// move ends the connection of the reader. It comes back with its cursor, behind the balancer to another node.
func (r *reader) move() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
}

func (r *reader) run(ctx context.Context, transport string, v version) {
	c, err := client.New(r.base, &client.Options{
		MinWait: 20 * time.Millisecond, MaxWait: 500 * time.Millisecond,
		HTTP: &http.Client{Transport: dialling(v)},
	})
	if err != nil {
		r.mu.Lock()
		r.breaks(err)
		r.mu.Unlock()
		return
	}
	o := &client.FollowOptions{
		Transports:  []string{transport},
		FirstUpdate: within(15 * time.Second), Heartbeat: within(15*time.Second) / 3,
		Retry: r.failed,
	}
	for ctx.Err() == nil {
		stay, leave := context.WithCancel(ctx)
		r.mu.Lock()
		o.Since, r.leave = r.view.Revision, leave
		wrong := r.wrong
		r.mu.Unlock()
		if wrong == nil {
			r.follow(stay, c, o)
		} else {
			<-ctx.Done()
		}
		leave()
	}
}

func (r *reader) follow(ctx context.Context, c *client.Client, o *client.FollowOptions) {
	for u, err := range c.Follow(ctx, r.channel, o) {
		switch {
		case err == nil:
			r.take(&u)
		case ctx.Err() != nil:
		case errors.Is(err, motacilla.ErrNotFound): // the channel is deleted and not yet created again
			pause(ctx, 20*time.Millisecond)
		default:
			r.mu.Lock()
			r.breaks(err)
			r.mu.Unlock()
		}
	}
}

func (r *reader) failed(err error, _ time.Duration) error {
	if unread(err) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults++
	r.fault = err
	return nil
}

// breaks records that a rule was broken. The caller must hold r.mu.
func (r *reader) breaks(err error) {
	if r.wrong == nil {
		r.wrong = fmt.Errorf("%s: %w", r.name, err)
	}
	close(r.moved)
	r.moved = make(chan struct{})
}

func (r *reader) take(u *motacilla.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.view.Revision
	again := r.view.Apply(u, true)
	switch {
	case u.Channel != r.channel:
		r.breaks(fmt.Errorf("got an update of channel %q", u.Channel))
	case again:
		r.breaks(fmt.Errorf("an update from %d to %d can't be applied at %d", u.From, u.Revision, before))
	case !u.Heartbeat() && u.Revision <= before:
		r.breaks(fmt.Errorf("an update from %d to %d came at %d", u.From, u.Revision, before))
	}
	if u.Reset {
		r.resets++
	}
	if u.Gone {
		r.gone++
	}
	close(r.moved)
	r.moved = make(chan struct{})
}

// at waits until the reader is at rev or later.
func (r *reader) at(rev motacilla.Revision, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		r.mu.Lock()
		at, moved, wrong := r.view.Revision, r.moved, r.wrong
		faults, fault := r.faults, r.fault
		r.mu.Unlock()
		switch {
		case wrong != nil:
			return wrong
		case at >= rev:
			return nil
		}
		select {
		case <-moved:
		case <-late.C:
			return fmt.Errorf("%s: is at %d after %v, not at %d; %d faults, the last: %w", r.name, at, within, rev, faults, fault)
		}
	}
}

// allAt waits until every reader is at rev or later.
func allAt(t *testing.T, readers []*reader, rev motacilla.Revision) {
	t.Helper()
	for _, r := range readers {
		if err := r.at(rev, hang); err != nil {
			t.Fatal(err)
		}
	}
}

// check compares the reader with the store.
func (r *reader) check(t *testing.T, l *listing) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrong != nil {
		t.Error(r.wrong)
	}
	if err := publishertest.Compare(&r.view, l.channel, l.renders(t)); err != nil {
		t.Errorf("%s: %v", r.name, err)
	}
}

// shown returns what the reader shows.
func (r *reader) shown() []motacilla.Render {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.Renders()
}

func (r *reader) count() (resets, faults int, fault error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resets, r.faults, r.fault
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
