package postgres

import (
	"context"
	"errors"
)

// line is the network to the server as long as the server answers. Its end ends all calls that wait for an answer.
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

// hangUp gives up all connections. Each connection that a silent network has left behind would cost a call its
// time-out. Calls that wait on them fail now, and reads begin again.
func (s *server) hangUp() {
	s.line.Swap(newLine()).down(errSilent)
	s.reset()
}

// on returns a context that ends with ctx and with the line. end must be called when it is not needed any more.
func (s *server) on(ctx context.Context) (bound context.Context, end func()) {
	l := s.line.Load()
	bound, cancel := context.WithCancelCause(ctx)
	loose := context.AfterFunc(l.ctx, func() { cancel(errSilent) })
	return bound, func() {
		loose()
		cancel(nil)
	}
}
