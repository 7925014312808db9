package nats

import (
	"context"

	"github.com/nats-io/nats.go"
)

// waiting is how many documents may wait for the one that is being stored. NATS drops what is more, and says so.
const waiting = 1024

// takeCore takes documents of a queue group, which nobody keeps, until ctx ends.
func (r *Receiver) takeCore(ctx context.Context) error {
	in := make(chan *nats.Msg, waiting)
	var subscriptions []*nats.Subscription
	end := func() {
		for _, s := range subscriptions {
			_ = s.Unsubscribe()
		}
	}
	defer end()
	for _, s := range r.subjects {
		sub, err := r.conn.ChanQueueSubscribe(s.filter(), r.o.Consumer, in)
		if err != nil {
			return err
		}
		subscriptions = append(subscriptions, sub)
	}
	for {
		select {
		case msg := <-in:
			r.serveCore(msg)
		case <-ctx.Done():
			end()
			for { // they are nobody else's
				select {
				case msg := <-in:
					r.serveCore(msg)
				default:
					return nil
				}
			}
		}
	}
}

func (r *Receiver) serveCore(msg *nats.Msg) {
	_, _ = r.store(&document{subject: msg.Subject, header: msg.Header, data: msg.Data}, defaultAckWait) // it has told
}
