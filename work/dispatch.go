package work

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// dispatcher is what one Start of a queue runs: it finds jobs that are due, and begins as many as there are workers. Its fields
// belong to the goroutine of run.
type dispatcher struct {
	q       *Queue
	lease   *lease          // names this node in the jobs that it does; nil if it does none
	leases  int             // how many there were
	used    time.Time       // when a job was last begun or running
	running map[string]bool // the keys of the jobs that this node does
	ended   chan string     // gets the keys of those that end
	backlog []string        // the keys of jobs that seem to be due, the oldest first
	pause   time.Duration   // until the next look
	odd     int             // jobs that can't be read, at the last look
}

func newDispatcher(q *Queue) *dispatcher {
	return &dispatcher{q: q, running: make(map[string]bool), ended: make(chan string, q.o.Workers)}
}

// run runs until ctx has ended and no job runs.
func (d *dispatcher) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case key := <-d.ended:
			delete(d.running, key)
			d.begin(ctx)
		case key := <-d.q.added:
			d.backlog = append(d.backlog, key)
			d.begin(ctx)
		case <-timer.C:
			d.look(ctx)
			d.begin(ctx)
			timer.Reset(d.pause)
		}
	}
	for len(d.running) > 0 {
		delete(d.running, <-d.ended)
	}
	d.forget()
}

// begin begins jobs of the backlog, as far as workers are free. Whether a job is really due is seen when it is taken.
func (d *dispatcher) begin(ctx context.Context) {
	for ctx.Err() == nil && len(d.backlog) > 0 && len(d.running) < d.q.o.Workers && d.present(ctx) {
		key := d.backlog[0]
		d.backlog = d.backlog[1:]
		if d.running[key] {
			continue
		}
		d.running[key], d.used = true, time.Now()
		l := d.lease
		go func() {
			defer func() { d.ended <- key }()
			d.q.work(ctx, l, key)
		}()
	}
}

// present makes sure that this node has a lease.
func (d *dispatcher) present(ctx context.Context) bool {
	if d.lease != nil && d.lease.ctx.Err() == nil {
		return true
	}
	d.forget()
	d.leases++
	name := fmt.Sprintf("%s.%d", d.q.node, d.leases)
	l, err := acquire(ctx, d.q.records, d.q.nodes, name, name, d.q.o.Lease)
	if err != nil {
		if ctx.Err() == nil {
			d.q.o.Logger.Warn("jobs can't be begun", zap.Error(err))
		}
		return false
	}
	d.lease = l
	return true
}

// forget gives the lease back.
func (d *dispatcher) forget() {
	if d.lease != nil {
		d.lease.release()
		d.lease = nil
	}
}

// entry is a job as a look finds it.
type entry struct {
	key string
	header
}

// look reads which jobs there are, and makes the backlog anew.
func (d *dispatcher) look(ctx context.Context) {
	began := time.Now()
	d.pause = jitter(d.q.o.Poll)
	d.backlog = nil
	jobs, err := d.list(ctx)
	if err != nil {
		if ctx.Err() == nil {
			d.q.o.Logger.Warn("jobs can't be listed", zap.Error(err))
		}
		return
	}
	idle := len(d.running) == 0 && time.Since(d.used) > d.q.o.Lease
	if len(jobs) == 0 || !d.present(ctx) {
		if idle {
			d.forget()
		}
		return
	}
	now := d.lease.now()
	for _, e := range jobs {
		if wait := e.Due.Sub(now); !e.Due.IsZero() && wait > 0 {
			d.pause = min(d.pause, wait)
			continue
		}
		d.backlog = append(d.backlog, e.key)
	}
	// Looking must stay cheap, however many jobs wait.
	d.pause = max(d.pause, min(20*time.Since(began), 10*d.q.o.Poll))
}

// list returns the jobs that no living node does, sorted by when they are due.
func (d *dispatcher) list(ctx context.Context) ([]entry, error) {
	var jobs []entry
	odd, held := 0, false
	err := d.q.each(ctx, d.q.namespace, func(r motacilla.Record) {
		h, _, err := decode(r.Value)
		if err != nil {
			odd++
			return
		}
		jobs = append(jobs, entry{r.Key, h})
		held = held || h.Holder != ""
	})
	if err != nil {
		return nil, err
	}
	if odd != d.odd {
		d.q.o.Logger.Error("there are jobs that can't be read; a newer version may have added them", zap.Int("jobs", odd))
		d.odd = odd
	}
	alive := make(map[string]bool)
	if held { // nodes are read after jobs, because a node has its lease before it takes a job
		if err := d.q.each(ctx, d.q.nodes, func(r motacilla.Record) { alive[r.Key] = true }); err != nil {
			return nil, err
		}
	}
	jobs = slices.DeleteFunc(jobs, func(e entry) bool {
		return d.running[e.key] || alive[e.Holder] && !d.q.mine(e.Holder)
	})
	d.q.waiting.Store(int64(len(jobs)))
	slices.SortStableFunc(jobs, func(a, b entry) int { return cmp.Or(a.since().Compare(b.since()), a.Added.Compare(b.Added)) })
	return jobs, nil
}

// since is when the job became due.
func (e entry) since() time.Time {
	if e.Due.IsZero() {
		return e.Added
	}
	return e.Due
}

// mine reports whether a lease is, or was, one of this node's.
func (q *Queue) mine(holder string) bool { return strings.HasPrefix(holder, q.node+".") }
