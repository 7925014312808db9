package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
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
	errAnew   = errors.New("the connection is opened anew")
)

// ladder reads over the server's transports: over the first that works, and after a break again.
type ladder struct {
	*Client
	links
	subject subject
	o       FollowOptions
	backoff backoff

	offers []offer // the server's transports that may be used
	at     int     // the index of the one in use, or to be tried next
	rounds int     // how often all of them have failed
	failed int     // failures of this one in a row
	absent bool    // this one answered that there is no such channel
	worked string  // the transport that brought the last update, unless a proxy has refused it since
	detour *detour // in use instead of the one at at; nil if none is

	hubAgain time.Time // when to look again for a hub that did not work; zero is never
}

// subject is what a ladder reads: one channel, or several.
type subject interface {
	// ask returns the server's transports that may be used, in the server's order.
	ask(ctx context.Context) ([]offer, error)
	// away returns the transport name for a detour, if it may be used.
	away(name string) (o offer, ok bool)
	// question returns the address of a transport with what is asked for.
	question(address *url.URL) *url.URL
	// opened is told of a connection that takes messages.
	opened(send func(message []byte) error)
	// message takes a message of a stream. kind is the type of its event; empty means none. more is false if the connection must end.
	message(s *session, kind string, data []byte) (more bool, err error)
	// fault is told of a failure, and of the pause that follows. If it returns an error, the ladder ends with that.
	fault(ctx context.Context, err error, wait time.Duration) error
	// over reports whether nothing more is to be read.
	over() bool
}

// run reads until nothing more is to be read. Then it returns nil.
func (l *ladder) run(ctx context.Context) error {
	var told enough
	for {
		err := l.attempt(ctx)
		switch {
		case l.subject.over():
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &told):
			return told.of
		case err == nil:
			continue
		case final(err):
			return err
		}
		if err := l.pause(ctx, err); err != nil {
			return err
		}
	}
}

// enough is the error that subject.fault has returned while a connection goes on. It hides what that wraps.
type enough struct{ of error }

func (e enough) Error() string { return e.of.Error() }

// attempt reads over one transport, and asks for the list first if there is none to try. After an error that is not
// final the caller must pause, after errOrderly too.
func (l *ladder) attempt(ctx context.Context) error {
	if l.at >= len(l.offers) {
		offers, err := l.subject.ask(ctx)
		if errors.Is(err, errAnew) {
			return nil
		}
		if err != nil {
			return err
		}
		l.offers, l.at, l.failed, l.hubAgain = offers, 0, 0, time.Time{}
	}
	began := time.Now()
	away := l.detour != nil
	s, err := l.read(ctx)
	if l.subject.over() || ctx.Err() != nil {
		return ctx.Err()
	}
	l.backoff.retry(s.retry)
	if s.delivered {
		l.rounds, l.failed, l.absent = 0, 0, false
		if !away {
			l.worked = l.offers[l.at].name
		}
		l.backoff.lived(time.Since(began))
	}
	var instead *moved
	switch {
	case errors.Is(err, errBack) && !away:
		l.offers = nil // the hub is before this one
		return nil
	case errors.Is(err, errBack), errors.Is(err, errAnew):
		return nil
	case errors.As(err, &instead) && l.follows(instead):
		return nil
	case instead != nil:
		return l.refusal(instead)
	case s.gap && s.moved:
		return nil
	case s.gap:
		return errors.New("the server's updates do not follow each other")
	case errors.Is(err, motacilla.ErrNotFound) && !l.absent: // the list tells whether it is the channel or an old path
		l.absent, l.offers, l.detour = true, nil, nil
		return nil
	case errors.Is(err, motacilla.ErrNotFound):
		l.offers, l.detour = nil, nil
		return &failure{err: errors.New("the server offers a transport, but answers there that the channel does not exist")}
	case err == nil:
		return errOrderly
	case final(err) || s.delivered || away:
		return err
	case unusable(err) && l.offers[l.at].name == l.worked: // the list tells whether this is an outage
		l.worked, l.offers = "", nil
		return err
	case unusable(err):
		return l.next(err)
	case !blameless(err):
		if l.failed++; l.failed >= patience {
			_ = l.next(err) // it is used after the pause
		}
	}
	return err
}

// next chooses the next transport. It returns nil if that one can be used at once, and err if all were tried.
func (l *ladder) next(err error) error {
	if _, hub := l.offers[l.at].transport.(hubTransport); hub && !own(err) {
		l.hubAgain = time.Now().Add(spread(hubAway))
	}
	l.at, l.failed = l.at+1, 0
	if l.at < len(l.offers) {
		return nil
	}
	l.rounds++
	return err
}

// connect reads over one transport until the connection ends.
func (l *ladder) connect(ctx context.Context, o offer) (*session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &session{ladder: l, address: o.address}
	s.first = time.AfterFunc(l.first(), func() { cancel(errLate) })
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

// first returns how long a transport may take until its first update.
func (l *ladder) first() time.Duration { return l.o.FirstUpdate << min(l.rounds, 4) }

// pause waits before the next attempt. err and the backoff determine how long.
func (l *ladder) pause(ctx context.Context, err error) error {
	var asked time.Duration
	var fail *failure
	if errors.As(err, &fail) {
		asked = fail.after
	}
	wait := l.backoff.next(asked)
	if !errors.Is(err, errOrderly) {
		if err := l.subject.fault(ctx, err, wait); err != nil {
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
