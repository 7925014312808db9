package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// patience is how often in a row a transport may fail before the next is tried, if the cause is not known. A proxy may
// break one transport and not another.
const patience = 3

var (
	errLate   = errors.New("no update came in time")
	errSilent = errors.New("the connection fell silent")
	errEmpty  = errors.New("the connection ended before its first update")
)

// follower follows one channel.
type follower struct {
	*Client
	channel motacilla.ChannelID
	o       FollowOptions
	http    *http.Client      // like that of calls, without their time-out, and with one for silence
	plain   http.RoundTripper // what http sends its requests with at last
	close   func()
	yield   func(motacilla.Update, error) bool

	cursor  motacilla.Revision
	stopped bool // the caller has left the loop
	gone    bool // the channel was deleted
	backoff backoff

	offers []offer // the server's transports that may be used
	at     int     // the index of the one in use, or to be tried next
	rounds int     // how often all of them have failed
	failed int     // failures of this one in a row
	absent bool    // this one answered that there is no such channel
	worked string  // the transport that brought the last update, unless a proxy has refused it since
	detour *detour // in use instead of the one at at; nil if none is
}

// run follows until the end. It returns nil if the caller has stopped or the channel is gone.
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

// attempt reads over one transport, and asks for the list first if there is none to try. After an error that is not
// final the caller must pause, after errOrderly too.
func (f *follower) attempt(ctx context.Context) error {
	if f.at >= len(f.offers) {
		offers, err := f.ask(ctx)
		if err != nil {
			return err
		}
		f.offers, f.at, f.failed = offers, 0, 0
	}
	began := time.Now()
	away := f.detour != nil
	s, err := f.read(ctx)
	if f.stopped || f.gone || ctx.Err() != nil {
		return ctx.Err()
	}
	f.backoff.retry(s.retry)
	if s.delivered {
		f.rounds, f.failed, f.absent = 0, 0, false
		if !away {
			f.worked = f.offers[f.at].name
		}
		f.backoff.lived(time.Since(began))
	}
	var instead *moved
	switch {
	case errors.Is(err, errBack):
		return nil
	case errors.As(err, &instead) && f.follows(instead):
		return nil
	case instead != nil:
		return f.refusal(instead)
	case s.gap && s.moved:
		return nil
	case s.gap:
		return errors.New("the server's updates do not follow each other")
	case errors.Is(err, motacilla.ErrNotFound) && !f.absent: // the list tells whether it is the channel or an old path
		f.absent, f.offers, f.detour = true, nil, nil
		return nil
	case errors.Is(err, motacilla.ErrNotFound):
		f.offers, f.detour = nil, nil
		return &failure{err: errors.New("the server offers a transport, but answers there that the channel does not exist")}
	case err == nil:
		return errOrderly
	case final(err) || s.delivered || away:
		return err
	case unusable(err) && f.offers[f.at].name == f.worked: // the list tells whether this is an outage
		f.worked, f.offers = "", nil
		return err
	case unusable(err):
		return f.next(err)
	case !blameless(err):
		if f.failed++; f.failed >= patience {
			_ = f.next(err) // it is used after the pause
		}
	}
	return err
}

// next chooses the next transport. It returns nil if that can be used at once, and err if all have been tried.
func (f *follower) next(err error) error {
	f.at, f.failed = f.at+1, 0
	if f.at < len(f.offers) {
		return nil
	}
	f.rounds++
	return err
}

// connect reads over one transport until the connection ends.
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

// pause waits before the next attempt. err and the backoff determine how long.
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

// blameless reports whether err is not the transport's fault: there was no connection, or the server itself refused for
// now.
func blameless(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var fail *failure
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &fail) && fail.own
}
