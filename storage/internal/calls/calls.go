// Package calls has what calls of all stores have in common. A call is counted, so that Close can wait for it. If it
// fails, its error names the operation.
package calls

import (
	"context"
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// Gate counts the running calls of a store. Once it is shut, no call may begin. The zero value is open.
type Gate struct {
	mu   sync.Mutex
	shut bool
	work sync.WaitGroup // grows from 0 only while not shut
}

// Begin counts a call, which the caller must end by Done. It returns ErrClosed if the gate is shut, and ctx's error if
// ctx has ended.
func (g *Gate) Begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return motacilla.ErrClosed
	}
	g.work.Add(1)
	return nil
}

// Add counts work that a call has begun and that may outlive the call.
func (g *Gate) Add() { g.work.Add(1) }

// Done ends what Begin or Add counted.
func (g *Gate) Done() { g.work.Done() }

// Shut shuts the gate. It returns false if the gate was shut already.
func (g *Gate) Shut() (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first = !g.shut
	g.shut = true
	return first
}

// Wait returns when no call is running.
func (g *Gate) Wait() { g.work.Wait() }

// Open reports whether the gate is not shut.
func (g *Gate) Open() bool { return g.While(func() {}) }

// While calls do if the gate is open, and delays Shut until do has returned. It returns false if the gate is shut.
func (g *Gate) While(do func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		do()
	}
	return !g.shut
}

// Said wraps err with the operation that format describes. It returns nil if err is nil.
func Said(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
