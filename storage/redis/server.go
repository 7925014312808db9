package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	goredis "github.com/redis/go-redis/v9"
)

// errSlow is the cause of a context that was ended by the store's own time-out.
var errSlow = errors.New("no answer in time")

// server is the connections to the server, or to the servers of a cluster.
type server struct {
	target  *target
	timeout time.Duration           // the most that a call takes
	silence time.Duration           // how long a subscription may say nothing at all
	gate    *calls.Gate             // counts commands
	hints   goredis.UniversalClient // for Watches, each of which has a connection of its own
	link    atomic.Pointer[link]    // for calls
}

func newServer(t *target, timeout, silence time.Duration, gate *calls.Gate) *server {
	s := &server{target: t, timeout: timeout, silence: silence, gate: gate, hints: t.connect(silence * 2 / 3)}
	s.link.Store(newLink(t, timeout))
	return s
}

// cluster goes on with connections to the cluster to which the server belongs.
func (s *server) cluster() {
	_, _ = s.link.Load().close(), s.hints.Close()
	s.target.cluster(s.timeout)
	s.hints = s.target.connect(s.silence * 2 / 3)
	s.link.Store(newLink(s.target, s.timeout))
}

// renew makes new connections, unless there are some that were made after the given time. Each connection that a silent
// network has left behind would cost a call its time-out. What waits on them fails now, and reads are repeated.
func (s *server) renew(after time.Time) {
	var old *link
	s.gate.While(func() {
		if l := s.link.Load(); !l.made.After(after) {
			old = l
			s.link.Store(newLink(s.target, s.timeout))
		}
	})
	if old != nil {
		_ = old.close()
	}
}

func (s *server) close() error { return errors.Join(s.link.Load().close(), s.hints.Close()) }

// run runs a script on keys of one hash slot. A script that writes is sent once: if the answer is lost, nobody knows
// whether it ran.
func (s *server) run(ctx context.Context, sc *script, keys []string, args ...any) (reply, error) {
	eval := func(ctx context.Context, c goredis.UniversalClient) (any, error) {
		answer, err := sc.eval(ctx, c, "evalsha", sc.sha, keys, args)
		if goredis.HasErrorPrefix(err, "NOSCRIPT") { // it did not run: the server was restarted, or its scripts flushed
			answer, err = sc.eval(ctx, c, "eval", sc.text, keys, args)
		}
		return answer, err
	}
	var answer any
	var err error
	if sc.writes {
		answer, err = await(ctx, s, func(ctx context.Context) (any, error) { return eval(ctx, s.link.Load().writes) })
	} else {
		answer, err = read(ctx, s, eval)
	}
	list, _ := answer.([]any)
	return list, err
}

func (sc *script) eval(
	ctx context.Context, c goredis.UniversalClient, command, what string, keys []string, args []any,
) (any, error) {
	all := make([]any, 0, 3+len(keys)+len(args))
	if !sc.writes {
		command += "_ro"
	}
	all = append(all, command, what, strconv.Itoa(len(keys)))
	for _, key := range keys {
		all = append(all, key)
	}
	cmd := goredis.NewCmd(ctx, append(all, args...)...)
	if sc.writes {
		_ = c.Process(ctx, once{cmd})
	} else {
		_ = c.Process(ctx, cmd)
	}
	return cmd.Result()
}

// once is a command that go-redis does not send again by itself.
type once struct{ *goredis.Cmd }

// NoRetry tells go-redis not to send the command again.
func (once) NoRetry() bool { return true }

// await asks the server by f and returns soon after ctx ends, even if f does not: go-redis looks only at a context's
// deadline while it waits for an answer. f ends by the connection's time-outs, and Close waits for it. It must be
// called within call. An error of f becomes ErrUnavailable, except redis.Nil.
func await[T any](ctx context.Context, s *server, f func(ctx context.Context) (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	s.gate.Add()
	go func() {
		defer s.gate.Done()
		v, err := f(ctx)
		done <- outcome{v, err}
	}()
	var out outcome
	select {
	case out = <-done:
	case <-ctx.Done():
		select {
		case out = <-done: // both at once
		default:
			out.err = ctx.Err()
		}
	}
	return out.v, s.fault(ctx, out.err)
}

// read is await for an f that only reads. If the connections were given up while the server was asked, f runs again on
// new ones.
func read[T any](ctx context.Context, s *server, f func(ctx context.Context, c goredis.UniversalClient) (T, error)) (T, error) {
	return await(ctx, s, func(ctx context.Context) (T, error) {
		for {
			l := s.link.Load()
			v, err := f(ctx, l.reads)
			if err == nil || ctx.Err() != nil || l == s.link.Load() {
				return v, err
			}
		}
	})
}

// fault makes the server's faults ErrUnavailable.
func (s *server) fault(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, goredis.Nil):
		return err
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow):
		return ctx.Err() // the caller gave up
	case ctx.Err() != nil:
		return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, s.timeout)
	}
	return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
}
