package work

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Job is work that was put into a Queue.
type Job struct {
	Key     string // names the job in its queue
	Payload []byte // up to MaxPayload bytes
	Attempt int    // 1 for the first
	Added   time.Time
}

// MaxPayload is the most that a job's payload may have, in bytes.
const MaxPayload = 256 << 10

// QueueOptions are the settings of a Queue. nil and zero fields mean the defaults.
type QueueOptions struct {
	Workers  int           // jobs that this node does at a time; default 4
	Attempts int           // after so many a job is given up; default 12, which is about 3 hours
	Backoff  time.Duration // before the second attempt; it doubles with each, up to 4 h; default 5 s
	Timeout  time.Duration // an attempt's context ends after it; default 15 min
	Lease    time.Duration // after so long without a sign of its node a job is another's; default 30 s
	Poll     time.Duration // how often a node looks for jobs that others have added or left; default 2 s
	// GaveUp is called before a job that failed for good is removed, with the last error. After a change of nodes cause has
	// only the text of that error. If GaveUp returns an error, it is called again later, up to Attempts times.
	GaveUp func(ctx context.Context, job Job, cause error) error
	Logger *zap.Logger // nil logs nothing
}

// Queue has jobs in the store's records. Each is done at least once, by whichever node takes it, and by one at a time. If a node
// dies, another takes up its jobs after Lease. Jobs that are due begin in the order in which they became due, as workers get
// free; they may end in any order. A job that keeps a worker busy keeps no other worker, and no other node.
//
// The node that adds a job begins it at once if a worker is free. Other nodes find it when they look, which is every Poll.
//
// All methods may be called from many goroutines at once.
type Queue struct {
	records   motacilla.Records
	namespace string // of the jobs
	nodes     string // the namespace of the leases of nodes that do jobs
	node      string // with a number, it names a lease of this node
	do        func(ctx context.Context, job Job) error
	o         QueueOptions
	added     chan string // keys of jobs that this node has added

	waiting, doing       atomic.Int64
	done, failed, gaveUp atomic.Int64

	mu    sync.Mutex
	stop  context.CancelFunc // nil before Start
	ended chan struct{}      // is closed when nothing of the last Start runs
}

// NewQueue returns the queue of this name, 1 to 50 bytes of a-z, 0-9, '.', '_' and '-'. Nodes that make a queue of the same name
// share its jobs. In one process there must be one Queue of a name.
//
// do does one job. nil removes the job; a [Permanent] error gives it up; with any other it is tried again later, which a
// [RetryAfter] error may put off. A panic is an error. The context of do ends when the queue stops, when Timeout is over, or when
// the job is no longer this node's, and do must return soon then. do must bear being called again for what is done. If the node
// ends during an attempt, that attempt counts. One that fails with [motacilla.ErrOverloaded] does not count. A job during which
// nodes end four times is given up, since it may be the cause.
func NewQueue(
	records motacilla.Records, name string, do func(ctx context.Context, job Job) error, o *QueueOptions,
) *Queue {
	q := &Queue{
		records: records, namespace: "queue." + name, nodes: "queue." + name + ".nodes", node: rand.Text(), do: do,
		added: make(chan string, 1000),
	}
	if o != nil {
		q.o = *o
	}
	defaults(&q.o.Workers, 4)
	defaults(&q.o.Attempts, 12)
	defaults(&q.o.Backoff, 5*time.Second)
	defaults(&q.o.Timeout, 15*time.Minute)
	defaults(&q.o.Lease, 30*time.Second)
	defaults(&q.o.Poll, 2*time.Second)
	if q.o.Logger == nil {
		q.o.Logger = zap.NewNop()
	}
	q.o.Logger = q.o.Logger.With(zap.String("queue", name))
	return q
}

func defaults[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Add puts a job into the queue. When it returns without an error, the job outlives this node. key is 1 to 512 bytes of UTF-8
// without NUL. If a job of this key waits, nothing changes. If it is being done, it is done once more afterwards. So in any case an
// attempt begins after the call of Add. The payload of a job that is there stays.
func (q *Queue) Add(ctx context.Context, key string, payload []byte) error {
	if len(payload) > MaxPayload {
		return motacilla.Invalid("payload", "must be at most %d bytes", MaxPayload)
	}
	err := q.add(ctx, key, payload)
	for range 20 { // a job that was there has ended meanwhile, or has changed otherwise
		if !errors.Is(err, motacilla.ErrConflict) {
			break
		}
		err = q.add(ctx, key, payload)
	}
	if err != nil {
		return fmt.Errorf("add job %q: %w", key, err)
	}
	select {
	case q.added <- key:
	default: // it is found at the next look
	}
	return nil
}

func (q *Queue) add(ctx context.Context, key string, payload []byte) error {
	r := motacilla.Record{Namespace: q.namespace, Key: key}
	r.Value = encode(header{Added: time.Now().UTC()}, payload)
	_, err := q.records.Put(ctx, r)
	if !errors.Is(err, motacilla.ErrConflict) {
		return err
	}
	r, err = q.records.Get(ctx, q.namespace, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return motacilla.ErrConflict
	}
	if err != nil {
		return err
	}
	h, was, err := decode(r.Value)
	switch {
	case err != nil:
		return err
	case h.Holder != "" && !h.Again:
		h.Again = true
	case h.Holder == "" && h.GaveUp > 0:
		h = header{Added: time.Now().UTC()}
	default:
		return nil
	}
	r.Value = encode(h, was)
	_, err = q.records.Put(ctx, r)
	return err
}

// Len returns how many jobs are in the queue.
func (q *Queue) Len(ctx context.Context) (int, error) {
	n := 0
	err := q.each(ctx, q.namespace, func(motacilla.Record) { n++ })
	return n, err
}

// QueueStats are figures of one node.
type QueueStats struct {
	Waiting int // jobs that were in the queue when this node last looked, without those that nodes do
	Doing   int // jobs that this node does now

	Done   int64 // jobs that this node has done
	Failed int64 // attempts of this node that have failed
	GaveUp int64 // jobs that this node has given up
}

// Stats returns the figures of this node. It reads nothing from the store.
func (q *Queue) Stats() QueueStats {
	return QueueStats{
		int(q.waiting.Load()), int(q.doing.Load()), q.done.Load(), q.failed.Load(), q.gaveUp.Load(),
	}
}

// Start begins to do jobs. It returns at once. The error says that the queue runs already.
func (q *Queue) Start(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stop != nil {
		return errors.New("start a queue: it runs already")
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	q.stop, q.ended = stop, ended
	go func() {
		defer close(ended)
		newDispatcher(q).run(ctx)
	}()
	return nil
}

// Shutdown ends the jobs that this node does, and waits for them. Another node, or this one after its next start, does them
// again. If ctx ends first, Shutdown returns its error. The jobs are still this node's then, until they return or the process ends.
func (q *Queue) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	stop, ended := q.stop, q.ended
	q.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	select {
	case <-ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == ended {
		q.stop = nil
	}
	return nil
}

// each calls f for all records of a namespace.
func (q *Queue) each(ctx context.Context, namespace string, f func(motacilla.Record)) error {
	const page = 100
	for after := ""; ; {
		list, err := q.records.List(ctx, namespace, "", after, page)
		if err != nil {
			return err
		}
		for _, r := range list {
			f(r)
		}
		if len(list) < page {
			return nil
		}
		after = list[len(list)-1].Key
	}
}
