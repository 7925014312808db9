package handover

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// handOver gives all connections, and returns the answer of the new process. Its answer is awaited from the beginning: if the new
// process ends while the server looks for its next connection, the server hears of it.
func (r *replacement) handOver(ctx context.Context) (parcel, error) {
	giving, stop := context.WithCancelCause(ctx)
	awaiting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	type result struct {
		parcel parcel
		err    error
	}
	answered := make(chan result, 1)
	go func() {
		p, err := r.link.receive(awaiting, taken)
		if err == nil {
			stop(malformed("kind is %q, expected nothing yet", taken))
		}
		stop(err)
		answered <- result{p, err}
	}()
	given := 0
	err := r.server.HandOver(giving, func(c Connection) error {
		err := r.give(giving, c)
		if broken := (*linkError)(nil); errors.As(err, &broken) {
			stop(err)
		} else if err == nil {
			given++
		}
		return err
	})
	if giving.Err() != nil { // why the handover ended is more than what the server made of it
		err = context.Cause(giving)
	}
	if err == nil {
		err = r.send(ctx, last, nil, nil)
	}
	if err != nil {
		giveUp(err)
		<-answered
		return parcel{}, err
	}
	r.told(fmt.Sprintf("%d connections were handed over.", given))
	step, cancel := r.limits.stepContext(ctx)
	defer cancel()
	defer context.AfterFunc(step, func() { giveUp(context.Cause(step)) })()
	a := <-answered
	return a.parcel, a.err
}

func (r *replacement) give(ctx context.Context, c Connection) error {
	socket, ok := c.Socket.(syscall.Conn)
	if !ok {
		return fmt.Errorf("give a connection of publisher %q: its socket is a %T, expected a syscall.Conn", c.Publisher, c.Socket)
	}
	if err := r.send(ctx, connection, c.Of, socket); err != nil {
		return fmt.Errorf("give a connection of publisher %q: %w", c.Publisher, err)
	}
	return nil
}
