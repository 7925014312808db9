package handover

import (
	"context"
	"fmt"
	"net"
	"os"
)

// Take takes the connections. This process must accept by now. Take calls take with one connection after another; the pace of
// take is the pace of the handover. If take returns an error, the connection is closed. Take returns when all have come, or the
// old process has ended, or ctx ends. If there is an error, the old process goes on, and kills this one.
func (s *Successor) Take(ctx context.Context, take func(Connection) error) (Count, error) {
	count := Count{PID: os.Getpid()}
	if s == nil || s.gone {
		return count, nil
	}
	defer s.Close()
	err := s.send(listening, nil)
	for done := false; err == nil && !done; {
		done, err = s.takeNext(ctx, take, &count)
	}
	if err == nil {
		err = s.send(taken, count)
	}
	if err = s.survive(err); err != nil {
		return count, fmt.Errorf("take connections from the old process: %w", err)
	}
	return count, nil
}

// takeNext takes the next connection. It reports whether there are no more. It waits as long as the old process needs: that one
// still serves its connections.
func (s *Successor) takeNext(ctx context.Context, take func(Connection) error, count *Count) (done bool, err error) {
	p, err := s.link.receive(ctx, connection, last)
	if err != nil || p.Kind == last {
		return err == nil, err
	}
	defer p.drop()
	var of Of
	if err := p.into(&of); err != nil {
		return false, err
	}
	if takeOne(p.file, of, take) {
		count.Taken++
	} else {
		count.Refused++
	}
	return false, nil
}

// takeOne reports whether the connection was taken. Without a file it can't be: this process may open no more of them.
func takeOne(f *os.File, of Of, take func(Connection) error) bool {
	if f == nil {
		return false
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return false
	}
	if err := take(Connection{Of: of, Socket: conn}); err != nil {
		_ = conn.Close()
		return false
	}
	return true
}
