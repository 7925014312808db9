package nats

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// ending is how long the receiver waits at its end for a server that does not say that it has sent everything.
const ending = time.Second

var errClosed = errors.New("the connection to NATS has been given up")

// takeCore takes documents of a queue group, which nobody keeps, until ctx ends, or something is wrong.
func (r *Receiver) takeCore(ctx context.Context) error {
	conn, err := r.link.Conn()
	if err != nil {
		return err
	}
	closed := conn.StatusChanged(nats.CLOSED)
	defer conn.RemoveStatusListener(closed)
	b := newBacklog(r)
	var open []*nats.Subscription
	for _, s := range r.subjects {
		sub, err := conn.ChanQueueSubscribe(s.filter(), r.o.Consumer, b.in)
		if err != nil {
			b.finish(open)
			return err
		}
		open = append(open, sub)
	}
	for {
		out, first := b.head()
		select {
		case msg := <-b.in:
			b.add(msg)
		case out <- first:
			b.pop()
		case <-closed:
			b.finish(nil)
			return errClosed
		case <-ctx.Done():
			b.finish(open)
			return nil
		}
	}
}

// finish ends the subscriptions, and stores all that NATS has given to this node: nobody else gets it.
func (b *backlog) finish(open []*nats.Subscription) {
	ended := make(chan struct{}, len(open))
	for _, s := range open {
		s.SetClosedHandler(func(string) { ended <- struct{}{} })
		_ = s.Drain() // the server may send something before it hears of the end
	}
	late := time.NewTimer(ending)
	defer late.Stop()
	for left := len(open); left > 0; {
		out, first := b.head()
		select {
		case msg := <-b.in:
			b.add(msg)
		case out <- first:
			b.pop()
		case <-ended:
			left--
		case <-late.C:
			left = 0
		}
	}
	for len(b.in) > 0 {
		b.add(<-b.in)
	}
	b.empty()
}
