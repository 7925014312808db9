package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

const (
	ahead  = 16  // documents that a node has at a time, so that it does not wait for the next one
	unsure = 256 // documents that all nodes have at a time, or that are put off
)

// takeStream takes documents of the stream until ctx ends, or something is wrong.
func (r *Receiver) takeStream(ctx context.Context) error {
	conn, err := r.link.Conn()
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := r.consumer(ctx, js)
	if err != nil {
		return fmt.Errorf("consumer %q of stream %q: %w", r.o.Consumer, r.o.Stream, err)
	}
	limit := consumer.CachedInfo().Config.AckWait * 3 / 4 // after that, another node may get it
	list, err := consumer.Messages(jetstream.PullMaxMessages(ahead), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer list.Stop()
	for {
		msg, err := list.Next(jetstream.NextContext(ctx))
		switch {
		case ctx.Err() != nil:
			if err == nil {
				r.settle(msg.Nak())
			}
			list.Drain()
			r.giveBack(list)
			return nil
		case err != nil:
			return err
		}
		r.serve(msg, limit)
	}
}

// giveBack lets other nodes have at once what this one has got, but has not begun.
func (r *Receiver) giveBack(list jetstream.MessagesContext) {
	for {
		msg, err := list.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			return
		}
		r.settle(msg.Nak())
	}
}

// consumer returns the durable consumer. It makes it if there is none, and brings its subjects up to date.
func (r *Receiver) consumer(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, error) {
	var filters []string
	for _, s := range r.subjects {
		filters = append(filters, s.filter())
	}
	ctx, cancel := context.WithTimeout(ctx, defaultAckWait)
	defer cancel()
	c, err := js.Consumer(ctx, r.o.Stream, r.o.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		config := jetstream.ConsumerConfig{
			Durable: r.o.Consumer, Description: "Motacilla: receiver " + r.Source(), FilterSubjects: filters,
			AckPolicy: jetstream.AckExplicitPolicy, AckWait: r.o.AckWait, MaxDeliver: -1, MaxAckPending: unsure,
			DeliverPolicy: jetstream.DeliverNewPolicy,
		}
		if config.AckWait == 0 {
			config.AckWait = defaultAckWait
		}
		if r.o.Begin == beginAll {
			config.DeliverPolicy = jetstream.DeliverAllPolicy
		}
		return js.CreateConsumer(ctx, r.o.Stream, config)
	}
	if err != nil {
		return nil, err
	}
	config := c.CachedInfo().Config
	has := config.FilterSubjects
	if config.FilterSubject != "" {
		has = []string{config.FilterSubject}
	}
	slices.Sort(has)
	current := slices.Equal(has, slices.Sorted(slices.Values(filters)))
	switch {
	case config.AckPolicy != jetstream.AckExplicitPolicy:
		return nil, errors.New("must have explicit acknowledgements")
	case config.MaxDeliver > 0:
		return nil, errors.New("must have no limit of deliveries: what the store does not take would be lost")
	case current && (r.o.AckWait == 0 || r.o.AckWait == config.AckWait):
		return c, nil
	}
	config.FilterSubject, config.FilterSubjects = "", filters
	if r.o.AckWait != 0 {
		config.AckWait = r.o.AckWait
	}
	return js.UpdateConsumer(ctx, r.o.Stream, config)
}

// serve stores a document, and tells the stream what came of it.
func (r *Receiver) serve(msg jetstream.Msg, limit time.Duration) {
	meta, err := msg.Metadata()
	if err != nil {
		r.log.Error("a message of the stream is none", zap.String("subject", msg.Subject()), zap.Error(err))
		return
	}
	d := &document{msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream, meta.Timestamp}
	switch refused, err := r.store(d, limit); {
	case err == nil:
		r.settle(msg.Ack())
	case refused:
		r.settle(msg.TermWithReason("it can't become a post"))
	default:
		r.settle(msg.NakWithDelay(later(err, meta.NumDelivered)))
	}
}

// settle takes the error of an acknowledgement. The stream delivers the document again, which does no harm.
func (r *Receiver) settle(err error) {
	if err != nil {
		r.log.Debug("a document could not be acknowledged; it will come again", zap.Error(err))
	}
}

// The shortest and the longest time for which a document is put off.
const (
	shortest = 250 * time.Millisecond
	longest  = 30 * time.Second
)

// later returns for how long a document is put off that was delivered so many times.
func later(err error, deliveries uint64) time.Duration {
	d := longest
	if n := deliveries - 1; deliveries > 0 && n < 16 {
		d = min(shortest<<n, longest)
	}
	var after *motacilla.RetryError
	if errors.As(err, &after) {
		d = max(d, min(after.After, longest))
	}
	return d
}
