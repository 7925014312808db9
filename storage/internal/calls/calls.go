// Package calls is what stores have in common of a call: it is counted, so that Close can wait for it, and where it fails
// its error says what it was.
package calls

import (
	"context"
	"errors"
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

// Own is an error of an edit or a check, which its caller gets back as it is.
type Own struct{ error }

// Foreign is edit with its errors marked as Own.
func Foreign[T any](edit func(*T) error) func(*T) error {
	return func(v *T) error {
		if err := edit(v); err != nil {
			return Own{err}
		}
		return nil
	}
}

// Checked is check with its errors marked as Own; a nil check has none.
func Checked[T any](check func(T) error, v T) error {
	if check == nil {
		return nil
	}
	if err := check(v); err != nil {
		return Own{err}
	}
	return nil
}

// IsOwn reports whether err is a caller's own.
func IsOwn(err error) bool {
	var own Own
	return errors.As(err, &own)
}

// Said is err, that was met while doing what format says; a caller's own error is given back as it is.
func Said(err error, format string, args ...any) error {
	var own Own
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own.error
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
