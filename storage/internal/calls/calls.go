// Package calls is what stores have in common of a call: it is counted, so that Close can wait for it, and where it fails
// its error says what it was.
package calls

import (
	"context"
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// Gate counts the calls under way of a store, and lets none begin once it is shut. The zero value is open.
type Gate struct {
	mu   sync.Mutex
	shut bool
	work sync.WaitGroup // grows from 0 only while not shut
}

// Begin counts a call, which its caller ends by Done; ErrClosed once the gate is shut, and ctx's error.
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

// Add counts something that a call has begun, and that may outlive it.
func (g *Gate) Add() { g.work.Add(1) }

// Done ends what Begin or Add has counted.
func (g *Gate) Done() { g.work.Done() }

// Shut lets no call begin; false where that was so already.
func (g *Gate) Shut() (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first = !g.shut
	g.shut = true
	return first
}

// Wait returns when no call is under way.
func (g *Gate) Wait() { g.work.Wait() }

// Open reports whether the gate is not shut.
func (g *Gate) Open() bool { return g.While(func() {}) }

// While does something that is not to come after Shut; false where the gate is shut.
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
