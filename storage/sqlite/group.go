package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	"modernc.org/sqlite"
)

// A batch takes the writes that wait, but at most so many, and none after so long: every writer waits for the whole
// batch.
const (
	mostWrites   = 128
	longestBatch = 20 * time.Millisecond
)

// write is a change that waits for its turn. When done is closed, err and moved are set.
type write struct {
	change func(*queries) error
	moved  []motacilla.Moved // to be told when it is stored
	err    error
	done   chan struct{}
}

// committer makes batches of the writes that wait, in a goroutine that runs as long as some do.
type committer struct {
	file    *file
	gate    *calls.Gate // counts the goroutine
	tell    func(motacilla.Moved)
	longest time.Duration // for a batch
	commits atomic.Int64

	mu      sync.Mutex
	queue   []*write // the writes that wait for their turn
	running bool
}

// share runs change in a transaction that it shares with the other writers of the moment, in a savepoint of its own, and
// returns when that is committed. change sees what the changes before it have done. It runs in another goroutine,
// and may still run when share returns ErrUnavailable because the time is up. If ctx ends before its turn, it does not
// run; later share returns what has happened.
func (c *committer) share(ctx context.Context, change func(*queries) error) error {
	w := &write{change: change, done: make(chan struct{})}
	c.enqueue(w)
	patience := time.NewTimer(c.file.timeout)
	defer patience.Stop()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		if c.withdraw(w) {
			return ctx.Err()
		}
	case <-patience.C:
		c.withdraw(w)
		return c.late()
	}
	select {
	case <-w.done:
		return w.err
	case <-patience.C:
		return c.late()
	}
}

func (c *committer) late() error {
	return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, c.file.timeout)
}

// enqueue adds a write to the queue, and starts the goroutine if it does not run. The caller has passed the gate.
func (c *committer) enqueue(w *write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, w)
	if !c.running {
		c.running = true
		c.gate.Add()
		go c.run()
	}
}

// withdraw removes a write from the queue; false if its turn has come.
func (c *committer) withdraw(w *write) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.queue, w)
	if at < 0 {
		return false
	}
	c.queue = slices.Delete(c.queue, at, at+1)
	return true
}

// take removes the first write from the queue and returns it, or nil if nobody waits.
func (c *committer) take() *write {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil
	}
	w := c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	return w
}

// idle reports whether nobody waits. Then the goroutine that commits ends.
func (c *committer) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) > 0 {
		return false
	}
	c.queue = nil
	c.running = false
	return true
}

// run makes batches while writes wait.
func (c *committer) run() {
	defer c.gate.Done()
	for !c.idle() {
		if b := c.open(); b != nil {
			b.fill()
			b.commit()
		}
	}
}

// open begins a transaction. That takes as long as another process may keep the file locked. If it fails, every write that
// waits fails too.
func (c *committer) open() *batch {
	tx, err := c.file.write.BeginTx(context.Background(), nil) // no writer's context ends the batch
	if err == nil {
		return &batch{committer: c, began: time.Now(), queries: queries{
			ctx: context.Background(), clock: c.file.clock, tx: tx, from: c.file.writes, names: c.file.names, kept: make(map[string]*sql.Stmt),
		}}
	}
	c.mu.Lock()
	all := c.queue
	c.queue = nil
	c.mu.Unlock()
	settle(all, c.file.fault(context.Background(), err))
	return nil
}

// settle answers the writers: with err, or each with its own error if err is nil.
func settle(all []*write, err error) {
	for _, w := range all {
		if err != nil {
			w.err = err
		}
		close(w.done)
	}
}

// batch is the writes of one transaction.
type batch struct {
	committer *committer
	queries   queries
	began     time.Time
	ran       []*write
	failed    []*write
	broken    error // the transaction can't go on
}

// fill runs the writes that wait, and those that come meanwhile.
func (b *batch) fill() {
	for b.broken == nil && len(b.ran)+len(b.failed) < mostWrites && time.Since(b.began) < b.committer.longest {
		w := b.committer.take()
		if w == nil {
			return
		}
		b.run(w)
	}
}

// run runs one write. If it fails, it is rolled back to its own savepoint. If that is not possible, the batch is broken.
func (b *batch) run(w *write) {
	b.queries.saved, b.queries.fault, b.queries.moved = false, nil, nil
	err := w.change(&b.queries)
	if err == nil && b.queries.saved {
		err = b.queries.plain(qRelease)
		b.queries.saved = err != nil
	}
	if err == nil {
		w.moved = b.queries.moved
		b.ran = append(b.ran, w)
		return
	}
	b.failed = append(b.failed, w)
	w.err = b.committer.file.fault(context.Background(), err)
	var fault *sqlite.Error
	switch {
	case b.queries.saved: // a fault may have ended the transaction, and its savepoints with it
		b.broken = errors.Join(b.queries.plain(qUndo), b.queries.plain(qRelease))
	case errors.As(err, &fault):
		b.broken = err
	}
}

// commit stores the batch, tells of it, and answers the writers. If it fails, all of them fail: also a write that was
// refused may have seen what is not stored.
func (b *batch) commit() {
	c := b.committer
	err := b.broken
	if err != nil || len(b.ran) == 0 {
		_ = b.queries.tx.Rollback()
	} else {
		c.commits.Add(1)
		err = b.queries.tx.Commit() // rolls back if it fails
	}
	if err != nil {
		settle(append(b.ran, b.failed...), c.file.fault(context.Background(), err))
		return
	}
	for _, w := range b.ran {
		for _, m := range w.moved {
			c.tell(m)
		}
	}
	settle(append(b.ran, b.failed...), nil)
}
