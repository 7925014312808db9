package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
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

// share runs change in a transaction that it shares with the other writers of the moment, in a savepoint of its own, and
// returns when that is committed. change sees what the changes before it have done. It runs in a goroutine of the Store,
// and may still run when share returns ErrUnavailable because the time is up. If ctx ends before its turn, it does not
// run; later share returns what has happened.
func (s *Store) share(ctx context.Context, change func(*queries) error) error {
	w := &write{change: change, done: make(chan struct{})}
	s.enqueue(w)
	patience := time.NewTimer(s.timeout)
	defer patience.Stop()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		if s.withdraw(w) {
			return ctx.Err()
		}
	case <-patience.C:
		s.withdraw(w)
		return s.late()
	}
	select {
	case <-w.done:
		return w.err
	case <-patience.C:
		return s.late()
	}
}

func (s *Store) late() error {
	return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, s.timeout)
}

// enqueue adds a write to the queue, and starts the goroutine that commits if it does not run. The caller counts as a
// call of the Store.
func (s *Store) enqueue(w *write) {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	s.queue = append(s.queue, w)
	if !s.committing {
		s.committing = true
		s.gate.Add()
		go s.commitLoop()
	}
}

// withdraw removes a write from the queue; false if its turn has come.
func (s *Store) withdraw(w *write) bool {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	at := slices.Index(s.queue, w)
	if at < 0 {
		return false
	}
	s.queue = slices.Delete(s.queue, at, at+1)
	return true
}

// take removes the first write from the queue and returns it, or nil if nobody waits.
func (s *Store) take() *write {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	w := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return w
}

// idle reports whether nobody waits. Then the goroutine that commits ends.
func (s *Store) idle() bool {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if len(s.queue) > 0 {
		return false
	}
	s.queue = nil
	s.committing = false
	return true
}

// commitLoop makes batches while writes wait.
func (s *Store) commitLoop() {
	defer s.gate.Done()
	for !s.idle() {
		if b := s.open(); b != nil {
			b.fill()
			b.commit()
		}
	}
}

// open begins a transaction. That takes as long as another process may keep the file locked. If it fails, every write that
// waits fails too.
func (s *Store) open() *batch {
	tx, err := s.write.BeginTx(context.Background(), nil) // no writer's context ends the batch
	if err == nil {
		return &batch{store: s, began: time.Now(), queries: queries{
			ctx: context.Background(), tx: tx, from: s.writes, kept: make(map[string]*sql.Stmt),
		}}
	}
	s.queueing.Lock()
	all := s.queue
	s.queue = nil
	s.queueing.Unlock()
	settle(all, s.fault(context.Background(), err))
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
	store   *Store
	queries queries
	began   time.Time
	ran     []*write
	failed  []*write
	broken  error // the transaction can't go on
}

// fill runs the writes that wait, and those that come meanwhile.
func (b *batch) fill() {
	for b.broken == nil && len(b.ran)+len(b.failed) < mostWrites && time.Since(b.began) < b.store.longest {
		w := b.store.take()
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
	w.err = b.store.fault(context.Background(), err)
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
	s := b.store
	err := b.broken
	if err != nil || len(b.ran) == 0 {
		_ = b.queries.tx.Rollback()
	} else {
		s.commits.Add(1)
		err = b.queries.tx.Commit() // rolls back if it fails
	}
	if err != nil {
		settle(append(b.ran, b.failed...), s.fault(context.Background(), err))
		return
	}
	for _, w := range b.ran {
		for _, m := range w.moved {
			s.watchers.Tell(m)
		}
	}
	settle(append(b.ran, b.failed...), nil)
}
