// Package flight shares loads between callers that want the same thing (single-flight), in generations: a caller that
// comes while a load runs takes the result of the next one. So a result contains everything that was stored before the
// call, and nobody waits for more than two loads, however many callers there are.
package flight

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed is what Do returns if no load may start any more.
var ErrClosed = errors.New("no load may start")

// Flight shares the loads of one thing. At most one load runs at a time. Its methods may be called from many goroutines at
// once; its fields must not change after the first call.
type Flight[T any] struct {
	// Spawn runs a function in a goroutine of its own. It returns false if none may start any more.
	Spawn func(func()) bool
	// Load loads the thing. A load belongs to no caller: it must not end because a caller's context ends.
	Load func() (T, error)

	mu      sync.Mutex
	running *call[T] // nil if no load runs
	next    *call[T] // starts when running ends; nil if nobody waits for it
}

// call is one load, and what its callers wait for.
type call[T any] struct {
	done  chan struct{} // closed when value and err are set
	value T
	err   error
}

// Do returns the result of a load that starts after the call of Do. If ctx ends first, Do returns the cause of that, and the
// load goes on for other callers.
func (f *Flight[T]) Do(ctx context.Context) (T, error) {
	c := f.join()
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// Start is Do for a caller that does not wait for the result.
func (f *Flight[T]) Start() { f.join() }

// Ensure starts a load unless one runs.
func (f *Flight[T]) Ensure() {
	f.mu.Lock()
	runs := f.running != nil
	f.mu.Unlock()
	if !runs {
		f.join()
	}
}

// join returns the first call whose load has not started.
func (f *Flight[T]) join() *call[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running != nil {
		if f.next == nil {
			f.next = &call[T]{done: make(chan struct{})}
		}
		return f.next
	}
	c := &call[T]{done: make(chan struct{})}
	f.running = c
	if !f.Spawn(f.run) {
		f.running = nil
		c.err = ErrClosed
		close(c.done)
	}
	return c
}

// run loads until nobody waits.
func (f *Flight[T]) run() {
	for c := f.running; c != nil; c = f.advance() {
		c.value, c.err = f.Load()
		close(c.done)
	}
}

// advance makes the next call the running one, and returns it.
func (f *Flight[T]) advance() *call[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running, f.next = f.next, nil
	return f.running
}
