package postgres

import (
	"context"
	"errors"
)

// line is the network to the server, as long as it answers. What is under way on it ends with it.
type line struct {
	ctx  context.Context
	down context.CancelCauseFunc
}

var errSilent = errors.New("the server has gone silent")

func newLine() *line {
	l := new(line)
	l.ctx, l.down = context.WithCancelCause(context.Background())
	return l
}

// hangUp gives up all connections: each that a silent network has left behind would cost a call its time-out. What waits
// on them fails now, and reads begin again.
func (s *Store) hangUp() {
	s.line.Swap(newLine()).down(errSilent)
	s.pool.Reset()
}

// on ties what ctx is for to the line; end lets go of it.
func (s *Store) on(ctx context.Context) (bound context.Context, end func()) {
	l := s.line.Load()
	bound, cancel := context.WithCancelCause(ctx)
	loose := context.AfterFunc(l.ctx, func() { cancel(errSilent) })
	return bound, func() {
		loose()
		cancel(nil)
	}
}
