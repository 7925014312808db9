package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Job is work that was put into a Queue.
type Job struct {
	Key     string // names the job in its queue: adding it again while it is there changes nothing
	Payload []byte // up to MaxPayload bytes of JSON
	Attempt int    // 1 for the first
	Added   time.Time
}

// MaxPayload is the most that a job's payload may have, in bytes.
const MaxPayload = 256 << 10

// Permanent returns err as an error after which a job is not tried again.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter returns err as an error after which a job is tried again, but not before d has passed.
func RetryAfter(d time.Duration, err error) error { return &motacilla.RetryError{Err: err, After: d} }

// QueueOptions are the settings of a Queue. nil and zero fields mean the defaults.
type QueueOptions struct {
	Workers  int           // jobs that this node does at a time; default 4
	Attempts int           // after so many a job is given up; default 12, which is about a day
	Backoff  time.Duration // before the second attempt; it doubles with each, up to 4 h; default 5 s
	Lease    time.Duration // after so long without a sign of its node a job is another's; default 30 s
	Poll     time.Duration // how often a node looks for jobs that others have added or left; default 2 s
	// GaveUp is called before a job that failed for good is removed. If it returns an error, it is called again later.
	GaveUp func(ctx context.Context, job Job, cause error) error
	Logger *zap.Logger // nil logs nothing
}

// Queue has jobs in the store's records. Each is done at least once, by whichever node takes it, and by one at a time as long
// as nodes live and reach the store. If a node dies, another takes up its jobs after Lease. Jobs are done in no order.
//
// All methods may be called from many goroutines at once.
type Queue struct {
	records   motacilla.Records
	namespace string
	do        func(ctx context.Context, job Job) error
	o         QueueOptions

	wake chan struct{}
	stop context.CancelFunc
	all  sync.WaitGroup
}

// NewQueue returns the queue of this name, 1 to 50 bytes of a-z, 0-9, '.', '_' and '-'. Nodes that make a queue of the same name
// share its jobs. do does one job. Its context ends when the queue stops, or when the job is no longer this node's. do must bear
// being called again for what is done. nil removes the job; a [Permanent] error gives it up; with any other it is tried again.
func NewQueue(
	records motacilla.Records, name string, do func(ctx context.Context, job Job) error, o *QueueOptions,
) *Queue {
	q := &Queue{records: records, namespace: "queue." + name, do: do, wake: make(chan struct{}, 1)}
	if o != nil {
		q.o = *o
	}
	defaults(&q.o.Workers, 4)
	defaults(&q.o.Attempts, 12)
	defaults(&q.o.Backoff, 5*time.Second)
	defaults(&q.o.Lease, 30*time.Second)
	defaults(&q.o.Poll, 2*time.Second)
	if q.o.Logger == nil {
		q.o.Logger = zap.NewNop()
	}
	return q
}

func defaults[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// stored is a job as its record has it.
type stored struct {
	Payload json.RawMessage `json:"payload"`
	Attempt int             `json:"attempt"`
	Added   time.Time       `json:"added"`
	Due     time.Time       `json:"due"`              // by the clocks of the nodes; while a node has the job, the end of its lease
	Failed  string          `json:"failed,omitempty"` // why the last attempt failed
}

// Add puts a job into the queue. When it returns without an error, the job outlives this node. If a job of this key is in the
// queue, nothing changes. payload must be JSON.
func (q *Queue) Add(ctx context.Context, key string, payload []byte) error {
	if len(payload) > MaxPayload || !json.Valid(payload) {
		return motacilla.Invalid("payload", "must be at most %d bytes of JSON", MaxPayload)
	}
	now := time.Now().UTC()
	value, err := json.Marshal(stored{Payload: payload, Added: now, Due: now})
	if err != nil {
		return fmt.Errorf("add job %q: %w", key, err)
	}
	_, err = q.records.Put(ctx, motacilla.Record{Namespace: q.namespace, Key: key, Value: value})
	if err != nil && !errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("add job %q: %w", key, err)
	}
	q.look()
	return nil
}

// Len returns how many jobs are in the queue.
func (q *Queue) Len(ctx context.Context) (int, error) {
	n := 0
	err := q.each(ctx, func(motacilla.Record, stored) { n++ })
	return n, err
}

// Start begins to do jobs. It returns at once.
func (q *Queue) Start(context.Context) error {
	ctx, stop := context.WithCancel(context.Background())
	q.stop = stop
	jobs := make(chan motacilla.Record)
	q.all.Go(func() { q.hand(ctx, jobs) })
	for range q.o.Workers {
		q.all.Go(func() {
			for r := range jobs {
				q.take(ctx, r)
			}
		})
	}
	return nil
}

// Shutdown ends the jobs that this node does, and waits for them. Another node, or this one after its next start, does them
// again.
func (q *Queue) Shutdown(ctx context.Context) error {
	if q.stop == nil {
		return nil
	}
	q.stop()
	done := make(chan struct{})
	go func() { defer close(done); q.all.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look makes hand look for jobs.
func (q *Queue) look() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// hand gives due jobs to the workers.
func (q *Queue) hand(ctx context.Context, jobs chan<- motacilla.Record) {
	defer close(jobs)
	for ctx.Err() == nil {
		err := q.each(ctx, func(r motacilla.Record, s stored) {
			if s.Due.After(time.Now()) {
				return
			}
			select {
			case jobs <- r:
			case <-ctx.Done():
			}
		})
		if err != nil && ctx.Err() == nil {
			q.o.Logger.Warn("jobs can't be listed", zap.String("queue", q.namespace), zap.Error(err))
		}
		timer := time.NewTimer(jitter(q.o.Poll))
		select {
		case <-q.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (q *Queue) each(ctx context.Context, f func(motacilla.Record, stored)) error {
	const page = 100
	for after := ""; ; {
		list, err := q.records.List(ctx, q.namespace, "", after, page)
		if err != nil {
			return err
		}
		for _, r := range list {
			var s stored
			if err := json.Unmarshal(r.Value, &s); err != nil {
				q.o.Logger.Error("a job can't be read", zap.String("queue", q.namespace), zap.String("job", r.Key), zap.Error(err))
				continue
			}
			f(r, s)
		}
		if len(list) < page {
			return nil
		}
		after = list[len(list)-1].Key
	}
}

// take makes the job of r this node's, and does it.
func (q *Queue) take(ctx context.Context, r motacilla.Record) {
	var s stored
	if json.Unmarshal(r.Value, &s) != nil {
		return
	}
	s.Attempt++
	s.Due = time.Now().UTC().Add(q.o.Lease)
	r, err := q.put(ctx, r, s)
	if err != nil {
		return // another node has it
	}
	job := Job{Key: r.Key, Payload: s.Payload, Attempt: s.Attempt, Added: s.Added}
	h := &held{q: q, record: r, stored: s}
	err = h.run(ctx, job)
	q.settle(ctx, h, job, err)
}

// put writes s over r.
func (q *Queue) put(ctx context.Context, r motacilla.Record, s stored) (motacilla.Record, error) {
	value, err := json.Marshal(s)
	if err != nil {
		return r, err
	}
	r.Value = value
	return q.records.Put(ctx, r)
}

// held is a job that this node has.
type held struct {
	q      *Queue
	record motacilla.Record
	stored stored
}

// run does the job, and keeps it this node's meanwhile. If that fails, the job's context ends.
func (h *held) run(ctx context.Context, job Job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var keeps sync.WaitGroup
	defer keeps.Wait()
	done := make(chan struct{})
	defer close(done)
	keeps.Go(func() {
		tick := time.NewTicker(h.q.o.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			next := h.stored
			next.Due = time.Now().UTC().Add(h.q.o.Lease)
			r, err := h.q.put(ctx, h.record, next)
			switch {
			case err == nil:
				h.record, h.stored = r, next
			case errors.Is(err, motacilla.ErrConflict), time.Now().After(h.stored.Due):
				cancel(fmt.Errorf("the job %q is no longer this node's: %w", job.Key, err))
				return
			}
		}
	})
	err := h.q.do(ctx, job)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// settleTimeout is for the writes after a job, which are made although the queue stops.
const settleTimeout = 5 * time.Second

// settle removes a job that is done or given up, and sets when another is tried again.
func (q *Queue) settle(ctx context.Context, h *held, job Job, err error) {
	stopped := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err != nil && !stopped && q.final(job, err) {
		q.o.Logger.Warn("a job is given up", zap.String("queue", q.namespace), zap.String("job", job.Key),
			zap.Int("attempts", job.Attempt), zap.Error(err))
		var again error
		if q.o.GaveUp != nil {
			again = q.o.GaveUp(ctx, job, err)
		}
		if err = again; err != nil {
			h.stored.Attempt--
		}
	}
	if err == nil {
		if err := q.records.Delete(ctx, q.namespace, job.Key, h.record.Version); err != nil {
			q.o.Logger.Warn("a job that is done can't be removed", zap.String("queue", q.namespace), zap.String("job", job.Key), zap.Error(err))
		}
		return
	}
	h.stored.Failed = err.Error()
	h.stored.Due = time.Now().UTC().Add(q.delay(job.Attempt, err))
	if stopped {
		h.stored.Attempt--
		h.stored.Due = time.Now().UTC()
	}
	if _, err := q.put(ctx, h.record, h.stored); err != nil {
		q.o.Logger.Warn("a job can't be put back", zap.String("queue", q.namespace), zap.String("job", job.Key), zap.Error(err))
	}
}

func (q *Queue) final(job Job, err error) bool {
	var permanent *permanentError
	return errors.As(err, &permanent) || job.Attempt >= q.o.Attempts
}

// delay is how long a job waits after so many attempts.
func (q *Queue) delay(attempt int, err error) time.Duration {
	const longest = 4 * time.Hour
	d := q.o.Backoff << min(attempt-1, 20)
	if d <= 0 || d > longest {
		d = longest
	}
	var later *motacilla.RetryError
	if errors.As(err, &later) {
		d = max(d, later.After)
	}
	return jitter(d)
}

// jitter returns a time between d and 1.25 d, so that nodes do not meet again.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/4+1) }
