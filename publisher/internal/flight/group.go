package flight

import (
	"context"
	"errors"
	"sync"
)

// Group shares the loads of things that have keys: the callers of one key share a [Flight]. Its methods may be called from
// many goroutines at once; its fields must not change after the first call.
type Group[K comparable, T any] struct {
	Spawn func(func()) bool      // see Flight
	Load  func(key K) (T, error) // see Flight
	Slots chan struct{}          // its capacity is how many loads may run at a time

	mu   sync.Mutex
	keys map[K]*keyed[T] // only the keys that callers wait for
}

type keyed[T any] struct {
	Flight[T]
	callers int // guarded by Group.mu
}

// Do returns the result of a load of key that starts after the call of Do. If ctx ends first, Do returns the cause of that,
// and the load goes on for other callers. If all callers have left before their load has a slot, it does not start.
func (g *Group[K, T]) Do(ctx context.Context, key K) (T, error) {
	k := g.enter(key)
	defer g.leave(key, k)
	return k.Do(ctx)
}

var errNobodyWaits = errors.New("nobody waits for this load")

func (g *Group[K, T]) enter(key K) *keyed[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.keys[key]
	if k == nil {
		k = &keyed[T]{}
		k.Spawn = g.Spawn
		k.Load = func() (T, error) { return g.load(key, k) }
		if g.keys == nil {
			g.keys = make(map[K]*keyed[T])
		}
		g.keys[key] = k
	}
	k.callers++
	return k
}

func (g *Group[K, T]) leave(key K, k *keyed[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k.callers--; k.callers == 0 {
		delete(g.keys, key)
	}
}

// load waits for a slot, and loads if a caller still waits.
func (g *Group[K, T]) load(key K, k *keyed[T]) (T, error) {
	g.Slots <- struct{}{}
	defer func() { <-g.Slots }()
	g.mu.Lock()
	waiting := k.callers > 0
	g.mu.Unlock()
	if !waiting {
		var none T
		return none, errNobodyWaits
	}
	return g.Load(key)
}
