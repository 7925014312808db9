package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// patience is how often in a row a transport may fail for what is not known to be its own fault, before the next one is
// tried: a proxy may break one of them alone.
const patience = 3

var (
	errLate   = errors.New("no update came in time")
	errSilent = errors.New("the connection has gone silent")
	errEmpty  = errors.New("the connection ended before its first update")
)

// follower follows one channel.
type follower struct {
	base    *url.URL
	channel motacilla.ChannelID
	o       Options
	http    *http.Client
	close   func()
	yield   func(motacilla.Update, error) bool

	cursor  motacilla.Revision
	stopped bool // the caller wants no more
	gone    bool // the channel is
	backoff backoff

	offers []offer // what the server offers and may be used
	at     int     // which of them is in use, or to be tried
	rounds int     // how often all of them were tried in vain
	failed int     // failures of this one in a row
	absent bool    // it said that there is no such channel
	worked string  // the transport that brought the last update, if nothing in between has refused it since
}

// run follows until there is nothing more; nil where the caller stopped, or the channel is gone.
func (f *follower) run(ctx context.Context) error {
	for {
		err := f.attempt(ctx)
		switch {
		case f.stopped || f.gone:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			continue
		case final(err):
			return err
		}
		if err := f.pause(ctx, err); err != nil {
			return err
		}
	}
}

// attempt asks for the transports where none is to be tried, and then reads over one. An error that is not final is
// one to pause after; orderly is one too.
func (f *follower) attempt(ctx context.Context) error {
	if f.at >= len(f.offers) {
		offers, err := f.ask(ctx)
		if err != nil {
			return err
		}
		f.offers, f.at, f.failed = offers, 0, 0
	}
	began := time.Now()
	s, err := f.connect(ctx, f.offers[f.at])
	if f.stopped || f.gone || ctx.Err() != nil {
		return ctx.Err()
	}
	f.backoff.retry(s.retry)
	if s.delivered {
		f.rounds, f.failed, f.absent, f.worked = 0, 0, false, f.offers[f.at].name
		f.backoff.lived(time.Since(began))
	}
	switch {
	case s.gap && s.moved:
		return nil
	case s.gap:
		return errors.New("the server's updates do not follow each other")
	case errors.Is(err, motacilla.ErrNotFound) && !f.absent: // of the channel, or of a path that is another now?
		f.absent, f.offers = true, nil
		return nil
	case errors.Is(err, motacilla.ErrNotFound):
		f.offers = nil
		return &failure{err: errors.New("a transport that the server offers is not there")}
	case err == nil:
		return errOrderly
	case final(err) || s.delivered:
		return err
	case unusable(err) && f.offers[f.at].name == f.worked: // an outage, unless the list can be had
		f.worked, f.offers = "", nil
		return err
	case unusable(err):
		return f.next(err)
	case !blameless(err):
		if f.failed++; f.failed >= patience {
			_ = f.next(err) // after the pause
		}
	}
	return err
}

// next goes on to the next transport at once, or says to pause where this was the last.
func (f *follower) next(err error) error {
	f.at, f.failed = f.at+1, 0
	if f.at < len(f.offers) {
		return nil
	}
	f.rounds++
	return err
}

// connect reads over one transport for as long as that lasts.
func (f *follower) connect(ctx context.Context, o offer) (*session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &session{follower: f, address: o.address}
	s.first = time.AfterFunc(f.o.FirstUpdate<<min(f.rounds, 4), func() { cancel(errLate) })
	defer s.first.Stop()
	err := o.transport.read(ctx, s)
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errLate):
		err = &failure{err: errLate, unusable: !s.delivered}
	case err == nil && !s.delivered && !s.gap:
		err = errEmpty
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", o.name, err)
	}
	return s, nil
}

// pause waits before the next attempt, as long as err and the backoff say.
func (f *follower) pause(ctx context.Context, err error) error {
	var asked time.Duration
	var fail *failure
	if errors.As(err, &fail) {
		asked = fail.after
	}
	wait := f.backoff.next(asked)
	if f.o.Retry != nil && !errors.Is(err, errOrderly) {
		if err := f.o.Retry(err, wait); err != nil {
			return err
		}
	}
	return sleep(ctx, wait)
}

// blameless reports whether err is no transport's fault: no connection came about, or the server itself turned it away
// for now.
func blameless(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var fail *failure
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &fail) && fail.own
}
