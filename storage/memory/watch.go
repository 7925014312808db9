package memory

import (
	"context"

	"github.com/motacilla-live/motacilla"
)

// Watch calls notify for every channel that moves, from the goroutine of the writer. After Close it returns ErrClosed.
func (s *Store) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	_, end := s.watchers.Begin(notify)
	defer end()
	select {
	case <-ctx.Done():
		return nil
	case <-s.done:
		return failed(motacilla.ErrClosed, "watch")
	}
}
