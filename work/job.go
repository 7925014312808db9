package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// mostLost is after how many attempts that were lost with their node a job is given up.
const mostLost = 4

// settleTimeout is for each write after a job, which is made although the queue stops.
const settleTimeout = 5 * time.Second

// held is a job that this node has taken.
type held struct {
	q       *Queue
	lease   *lease
	log     *zap.Logger
	record  motacilla.Record
	header  header
	payload []byte
}

// work does the job of this key, if it is free.
func (q *Queue) work(ctx context.Context, l *lease, key string) {
	h, err := q.take(ctx, l, key)
	if err != nil {
		if !errors.Is(err, errTaken) && ctx.Err() == nil && l.ctx.Err() == nil {
			q.o.Logger.Warn("a job can't be taken", zap.String("job", key), zap.Error(err))
		}
		return
	}
	q.doing.Add(1)
	defer q.doing.Add(-1)
	run, over := l.during(ctx)
	defer over()
	err = h.attempt(run)
	stopped := run.Err() != nil
	if err == nil {
		h.settle(ctx, h.remove)
		return
	}
	h.settle(ctx, func(ctx context.Context) error { return h.putBack(ctx, err, stopped) })
}

// overloaded reports whether the store has refused a write of a job because too many wait. Such an attempt does not count, however
// often it is made: the job is not to blame, and would get lost.
func overloaded(err error) bool { return errors.Is(err, motacilla.ErrOverloaded) }

// errTaken says that a job is not there, not due, or another node's.
var errTaken = errors.New("the job is not free")

// take makes a job this node's.
func (q *Queue) take(ctx context.Context, l *lease, key string) (*held, error) {
	ctx, over := l.during(ctx)
	defer over()
	r, err := q.records.Get(ctx, q.namespace, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil, errTaken
	}
	if err != nil {
		return nil, err
	}
	h := &held{q: q, lease: l, log: q.o.Logger.With(zap.String("job", key))}
	if h.header, h.payload, err = decode(r.Value); err != nil || !q.free(ctx, l, &h.header) {
		return nil, errTaken // look tells of what can't be read
	}
	h.header.Holder, h.header.Again = l.owner, false
	r.Value = encode(h.header, h.payload)
	if h.record, err = q.records.Put(ctx, r); errors.Is(err, motacilla.ErrConflict) {
		return nil, errTaken
	}
	return h, err
}

// free reports whether a job may be taken with this lease, and counts an attempt.
func (q *Queue) free(ctx context.Context, l *lease, h *header) bool {
	switch {
	case h.Holder == "":
		if h.Due.After(l.now()) {
			return false
		}
	case q.mine(h.Holder):
		return true // what took the job was stored without an answer, or what ended it could not be stored
	default:
		if _, err := q.records.Get(ctx, q.nodes, h.Holder); !errors.Is(err, motacilla.ErrNotFound) {
			return false // its node lives, or nobody knows
		}
		h.Lost++
		h.Failed = "its node has ended"
	}
	if h.GaveUp > 0 || h.Lost >= mostLost {
		h.GaveUp++
	} else {
		h.Attempt++
	}
	return true
}

// attempt does the job once, or tries to give it up. nil means that it may be removed.
func (h *held) attempt(ctx context.Context) error {
	q, job := h.q, Job{Key: h.record.Key, Payload: h.payload, Attempt: h.header.Attempt, Added: h.header.Added}
	var cause error
	switch {
	case h.header.Lost >= mostLost:
		cause = fmt.Errorf("%d nodes have ended while they did it", h.header.Lost)
	case h.header.GaveUp > 0:
		cause = errors.New(h.header.Failed)
	default:
		err := h.call(ctx, func(ctx context.Context) error { return q.do(ctx, job) })
		if err == nil {
			q.done.Add(1)
			return nil
		}
		if ctx.Err() != nil || overloaded(err) {
			return err
		}
		q.failed.Add(1)
		if !q.final(job.Attempt, err) {
			h.log.Info("a job has failed and is tried again", zap.Int("attempt", job.Attempt), zap.Error(err))
			return err
		}
		cause = err
	}
	return h.giveUp(ctx, job, cause)
}

// giveUp calls GaveUp. If that has failed too often, the job is removed all the same.
func (h *held) giveUp(ctx context.Context, job Job, cause error) error {
	q := h.q
	h.header.GaveUp = max(h.header.GaveUp, 1)
	h.header.Failed = shorten(cause)
	if q.o.GaveUp != nil && h.header.GaveUp <= q.o.Attempts {
		err := h.call(ctx, func(ctx context.Context) error { return q.o.GaveUp(ctx, job, cause) })
		if err != nil && ctx.Err() == nil && !overloaded(err) {
			h.log.Warn("a job can't be given up", zap.Int("attempt", h.header.GaveUp), zap.Error(err))
		}
		if err != nil {
			return err
		}
	}
	q.gaveUp.Add(1)
	h.log.Warn("a job is given up", zap.Int("attempts", job.Attempt), zap.Error(cause))
	return nil
}

// call calls f with Timeout. A panic of f becomes an error.
func (h *held) call(ctx context.Context, f func(ctx context.Context) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.q.o.Timeout, fmt.Errorf("it took longer than %v", h.q.o.Timeout))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("a job has panicked", zap.Any("panic", p), zap.StackSkip("stack", 1))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	err = f(ctx)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// remove ends the job. If it was added again meanwhile, it becomes a new one.
func (h *held) remove(ctx context.Context) error {
	if !h.header.Again {
		return h.q.records.Delete(ctx, h.record.Namespace, h.record.Key, h.record.Version)
	}
	return h.put(ctx, header{Added: time.Now().UTC()})
}

// putBack lets the job wait for its next attempt. One that was stopped does not count, and is due at once. One that the store was
// overloaded for does not count either.
func (h *held) putBack(ctx context.Context, err error, stopped bool) error {
	next := h.header
	next.Holder, next.Again = "", false
	switch {
	case next.GaveUp > 0 && h.header.Again:
		next = header{Added: time.Now().UTC()}
	case stopped:
		next.Due = time.Time{}
		if next.GaveUp == 0 {
			next.Attempt--
		}
	case overloaded(err):
		next.Due = h.lease.now().Add(h.q.delay(1, err))
		if next.GaveUp > 0 {
			next.GaveUp = max(next.GaveUp-1, 1)
		} else {
			next.Attempt--
		}
	case next.GaveUp > 0:
		next.Due = h.lease.now().Add(h.q.delay(next.GaveUp, err))
	default:
		next.Failed = shorten(err)
		next.Due = h.lease.now().Add(h.q.delay(next.Attempt, err))
	}
	return h.put(ctx, next)
}

func (h *held) put(ctx context.Context, next header) error {
	r := h.record
	r.Value = encode(next, h.payload)
	_, err := h.q.records.Put(ctx, r)
	return err
}

// settle makes the write that ends an attempt. It tries for as long as a lease, but only once if the queue stops. What is not
// written is done again.
func (h *held) settle(stop context.Context, write func(ctx context.Context) error) {
	for late := time.Now().Add(h.q.o.Lease); ; sleep(stop, jitter(h.q.o.Lease/30)) {
		err := h.once(context.WithoutCancel(stop), write)
		if err == nil {
			return
		}
		if stop.Err() != nil || time.Now().After(late) {
			h.log.Warn("what became of a job can't be stored; it is done again", zap.Error(err))
			return
		}
	}
}

// once makes the write. If the record has changed, it makes it on the new one, unless that is no longer this node's.
func (h *held) once(ctx context.Context, write func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	err := write(ctx)
	if errors.Is(err, motacilla.ErrConflict) {
		r, again := h.q.records.Get(ctx, h.record.Namespace, h.record.Key)
		if again == nil {
			now, _, odd := decode(r.Value)
			if odd != nil || now.Holder != h.lease.owner {
				return nil // an earlier write was stored without an answer, or another node has the job
			}
			h.record.Version, h.header.Again = r.Version, now.Again
			return write(ctx)
		}
		err = again
	}
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil // a removal was stored without an answer
	}
	return err
}

// shorten returns what a record keeps of an error.
func shorten(err error) string {
	const most = 500
	text := err.Error()
	return text[:min(len(text), most)]
}
