package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"modernc.org/sqlite"
)

// A batch ends with the writes that wait, and in any case with so many of them or after so long: who is in it waits for
// all of it.
const (
	mostWrites   = 128
	longestBatch = 20 * time.Millisecond
)

// write is a change that waits for its turn. Fields but change are guarded by Store.queueing, until done is closed.
type write struct {
	change func(*queries) error
	state  writeState
	moved  []motacilla.Moved // to be told when it is stored
	err    error
	panics any  // what change panicked with
	exits  bool // change has ended its goroutine
	done   chan struct{}
}

type writeState uint8

const (
	waits   writeState = iota // may be withdrawn
	runs                      // change is being called
	has                       // run; the commit follows
	settled                   // err says what happened
)

// share runs change in a transaction that it shares with whoever else writes now, in a savepoint of its own, and returns
// when that is committed. It is called from a goroutine of the Store, and sees what those before it have changed. A
// write whose ctx ends before its turn is not done; after that it is told what happened.
func (s *Store) share(ctx context.Context, change func(*queries) error) error {
	w := &write{change: change, done: make(chan struct{})}
	s.enqueue(w)
	patience := time.NewTimer(s.timeout)
	defer patience.Stop()
	select {
	case <-w.done:
	case <-ctx.Done():
		if s.withdraw(w) {
			return ctx.Err()
		}
		select {
		case <-w.done:
		case <-patience.C:
			return s.late(w)
		}
	case <-patience.C:
		return s.late(w)
	}
	return w.result()
}

// late returns what is told to a writer who has waited for long enough.
func (s *Store) late(w *write) error {
	if !s.withdraw(w) && !s.pending(w) {
		<-w.done // its own callback takes so long, and has what the writer would use
		return w.result()
	}
	return fmt.Errorf("%w: no answer within %v", motacilla.ErrUnavailable, s.timeout)
}

// pending reports whether the write has been run, and waits for the others of its batch and the commit.
func (s *Store) pending(w *write) bool {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	return w.state == has
}

// result has the writer meet the end that its callback has come to.
func (w *write) result() error {
	switch {
	case w.exits:
		runtime.Goexit()
	case w.panics != nil:
		panic(w.panics)
	}
	return w.err
}

// enqueue has the write done by the goroutine that commits, and starts that where there is none. The caller counts as a
// call of the Store.
func (s *Store) enqueue(w *write) {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	s.queue = append(s.queue, w)
	if !s.committing {
		s.committing = true
		s.gate.Add()
		go s.commitLoop(nil)
	}
}

// withdraw takes the write out where its turn has not come.
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

// take returns the next write that waits, whose turn it is.
func (s *Store) take() *write {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	w := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	w.state = runs
	return w
}

// idle reports whether nobody waits; the goroutine that commits then ends.
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

// commitLoop makes batches while writes wait. It goes on with b where a callback ended the goroutine that had it.
func (s *Store) commitLoop(b *batch) {
	defer s.gate.Done()
	ended := false
	defer func() {
		if !ended {
			s.gate.Add()
			go s.commitLoop(b)
		}
	}()
	for b != nil || !s.idle() {
		if b == nil {
			b = s.open()
		}
		if b != nil {
			b.fill()
			b.commit()
			b = nil
		}
	}
	ended = true
}

// open begins a transaction. Where that fails, which takes as long as another process may keep the file locked, so does
// every write that waits.
func (s *Store) open() *batch {
	tx, err := s.write.BeginTx(context.Background(), nil) // writers go, the batch stays
	if err == nil {
		return &batch{store: s, began: time.Now(), queries: queries{
			ctx: context.Background(), tx: tx, from: s.writes, kept: make(map[string]*sql.Stmt),
		}}
	}
	s.queueing.Lock()
	all := s.queue
	s.queue = nil
	s.queueing.Unlock()
	s.settle(all, s.fault(context.Background(), err))
	return nil
}

// settle tells the writers what happened: err, or each one's own.
func (s *Store) settle(all []*write, err error) {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	for _, w := range all {
		if err != nil {
			w.err = err
		}
		w.state = settled
		close(w.done)
	}
}

// batch is the writes of one transaction.
type batch struct {
	store   *Store
	queries queries
	began   time.Time
	current *write // whose change is being called
	ran     []*write
	failed  []*write
	broken  error // the transaction can't go on
}

// fill runs the writes that wait, and those that come meanwhile.
func (b *batch) fill() {
	if b.current != nil {
		b.current.exits = true
		b.ends(errors.New("the callback ended its goroutine"))
	}
	for b.broken == nil && len(b.ran)+len(b.failed) < mostWrites && time.Since(b.began) < b.store.longest {
		if b.current = b.store.take(); b.current == nil {
			return
		}
		b.queries.saved, b.queries.fault, b.queries.moved = false, nil, nil
		b.ends(b.call())
	}
}

func (b *batch) call() (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil { // nil where the goroutine is ended
			b.current.panics = p
			err = fmt.Errorf("the callback panicked: %v", p)
		}
	}()
	err = b.current.change(&b.queries)
	returned = true
	return err
}

// ends takes the current write's end. One that failed is rolled back to its own savepoint; where that is not possible
// the batch is broken.
func (b *batch) ends(err error) {
	w := b.current
	b.current = nil
	if err == nil && b.queries.saved {
		err = b.queries.plain(qRelease)
		b.queries.saved = err != nil
	}
	if err == nil {
		w.moved = b.queries.moved
		b.ran = append(b.ran, w)
		b.store.mark(w, has)
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
	b.store.mark(w, has)
}

func (s *Store) mark(w *write, state writeState) {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	w.state = state
}

// commit stores the batch, tells of it, and answers the writers.
func (b *batch) commit() {
	s := b.store
	err := b.broken
	if err != nil || len(b.ran) == 0 {
		_ = b.queries.tx.Rollback()
	} else {
		s.commits.Add(1)
		err = b.queries.tx.Commit() // which rolls back where it fails
	}
	if err != nil { // who was refused may have seen what is not stored
		s.settle(append(b.ran, b.failed...), s.fault(context.Background(), err))
		return
	}
	for _, w := range b.ran {
		for _, m := range w.moved {
			s.watchers.Tell(m)
		}
	}
	s.settle(append(b.ran, b.failed...), nil)
}
