package sqlite

import "sync"

// bell wakes everybody who listens. The zero value is ready for use.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // nil if nobody listens
}

// next returns a channel that the next ring closes.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
