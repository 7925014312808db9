package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"unicode"

	"github.com/motacilla-live/motacilla"
)

// hubTransport takes updates from a hub, such as Mercure, and asks the server for what the hub has not sent. The server's first
// answer is yielded at once. The transport works when the hub has answered too.
type hubTransport struct {
	protocol string
	// follow connects to the hub and hands on what comes, until ctx ends or the connection does.
	follow func(ctx context.Context, s *session, t *ticket, out sink) error
}

// sink takes what a hub sends. Its methods may block until the context of the connection ends.
type sink interface {
	subscribed()         // the hub sends everything that is pushed from now on
	message(data []byte) // should be an update; the sink keeps data
}

func (h hubTransport) read(ctx context.Context, s *session) error {
	f := s.subject.(*follower) // a ticket is for one channel
	t, err := f.ticket(ctx, s.question())
	if err != nil {
		return err
	}
	if t.protocol != h.protocol {
		return &failure{err: fmt.Errorf("the server offers %s with a ticket for %q", h.protocol, t.protocol), unusable: true}
	}
	s.first.Stop() // the caller's time is not the hub's
	fits, more := f.apply(s, t.update, true)
	if s.gap = !fits; s.gap || !more {
		return nil
	}
	s.first.Reset(f.first())
	ctx, stop := context.WithCancel(ctx)
	r := newHubReader(ctx, f, s, t.check)
	var work sync.WaitGroup
	defer r.close()
	defer work.Wait()
	defer stop()
	work.Go(func() { r.ended <- h.follow(ctx, s, t, r) })
	r.start = func(question *url.URL, at motacilla.Revision) {
		work.Go(func() {
			t, err := f.ticket(ctx, question)
			r.answers <- answered{t, at, err}
		})
	}
	err = r.run()
	if ended := (hubEnded{}); errors.As(err, &ended) {
		if ended.err == nil && s.delivered {
			return nil
		}
		return hubFailure(ended.err, s.delivered, f.worked == h.protocol)
	}
	return err
}

// hubEnded says that the hub's connection has ended, and why.
type hubEnded struct{ err error }

func (e hubEnded) Error() string { return "the hub has ended the connection" }

// hubFailure returns the error of a hub's connection. What a hub says is never an error of the server: it must not end Follow. It has
// no URL either, which may have a secret. If the hub has worked before, it is tried some times.
func hubFailure(err error, delivered, worked bool) error {
	if err == nil {
		err = errOrderly
	}
	if at := (*url.Error)(nil); errors.As(err, &at) {
		err = at.Err
	}
	f := &failure{err: errors.New("the hub: " + printable(err.Error())), unusable: !delivered && !worked}
	if told := (*failure)(nil); errors.As(err, &told) {
		f.after = told.after
	}
	return f
}

// printable returns a hub's text as it may stand in a log: not too long, and in one line.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	return fmt.Sprintf("%.500s", text)
}
