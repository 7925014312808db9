// Package nats is the receiver for sources that publish JSON documents to subjects of NATS (nats.io). A mapping in the configuration says
// how documents become posts, as for webhooks.
//
// # Source
//
// One entry of receivers is one source. With a stream (JetStream), the receiver has a durable consumer, which all nodes share: each
// document goes to one of them. It is acknowledged after everything is stored. If the store does not answer or has too much to do, the
// document is put off. It is ended if the mapping can't be applied to it, or there is no such channel: it can't become a post, and others
// must not wait for it. The log and the metrics tell of both.
//
// Without a stream the nodes are a queue group. A document that comes while no node runs, or while the store does not answer, is lost.
//
// # Repeats
//
// A part with an ID is one post, however often it is delivered. Unless the mapping has a version, it is the time at which the stream
// stored the document, so an old document that is put off does not overwrite a newer one. Without an ID, the same part is the same post.
//
// # Options
//
// [Options] has the connection, the subjects and the mapping, which is that of package webhook. docs/nats.md explains them.
//
// # Limits
//
// A document has at most max_body bytes (1 MiB), and the limits of package webhook. A node takes one document at a time.
package nats

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/natsconn"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/motacilla-live/motacilla/route"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

const name = "nats"

// Receiver is the receiver of one source.
type Receiver struct {
	o        *Options
	intake   *webhook.Intake
	subjects []subject
	dialer   *natsconn.Dialer
	metrics  *receiver.Metrics
	log      *zap.Logger
	settled  func(*document, error) // for tests

	link    *natsconn.Link     // nil before Start
	stop    context.CancelFunc // no more documents
	works   context.Context    // of the document that is taken
	abandon context.CancelFunc // ends works
	running sync.WaitGroup
}

var (
	_ receiver.Receiver = (*Receiver)(nil)
	_ receiver.Starter  = (*Receiver)(nil)
	_ receiver.Stopper  = (*Receiver)(nil)
	_ receiver.Sourced  = (*Receiver)(nil)
)

// New returns the receiver of one source. It connects to nothing before Start. log may be nil. The error is an ErrInvalid that names the
// option.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	c, mapping, err := o.complete()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = zap.NewNop()
	}
	r := &Receiver{o: c, metrics: kit.Metrics}
	if r.subjects, err = parseSubjects(c.Subjects); err != nil {
		return nil, err
	}
	if r.intake, err = webhook.NewIntake(kit, mapping, log); err != nil {
		return nil, err
	}
	r.log = log.With(zap.String("source", r.Source()))
	if c.Consumer == "" {
		c.Consumer = "motacilla-" + r.Source()
	}
	r.dialer, err = natsconn.New(&c.Connection, "motacilla receiver "+r.Source(), r.log)
	return r, err
}

// Source implements receiver.Sourced.
func (r *Receiver) Source() string { return r.intake.Source() }

// URLs returns no routes: nobody calls the receiver.
func (r *Receiver) URLs() []route.Route { return nil }

// Start connects, and begins to take documents. It is no error if no server can be reached: then that is tried again and again.
func (r *Receiver) Start(ctx context.Context) (err error) {
	if err := r.intake.Start(ctx); err != nil {
		return err
	}
	if r.link, err = r.dialer.Open(); err != nil {
		return errors.Join(fmt.Errorf("connect to NATS: %w", err), r.intake.Shutdown(ctx))
	}
	var run context.Context
	run, r.stop = context.WithCancel(context.Background())
	r.works, r.abandon = context.WithCancel(context.Background())
	take := r.takeStream
	if r.o.Stream == "" {
		take = r.takeCore
	}
	r.running.Go(func() { r.follow(run, take) })
	return nil
}

// Shutdown takes no more documents, and waits for the one that is being stored. What is left goes to another node, or comes after the
// next start.
func (r *Receiver) Shutdown(ctx context.Context) error {
	if r.link == nil {
		return r.intake.Shutdown(ctx)
	}
	r.stop()
	undo := context.AfterFunc(ctx, r.abandon)
	defer undo()
	r.running.Wait()
	r.abandon()
	r.link.Flush(ctx, time.Second) // acknowledgements are on their way
	r.link.Close()
	return r.intake.Shutdown(ctx)
}

// follow calls take, which returns when something is wrong, until ctx ends.
func (r *Receiver) follow(ctx context.Context, take func(context.Context) error) {
	var told time.Time
	for ctx.Err() == nil {
		err := take(ctx)
		if ctx.Err() != nil {
			return
		}
		if now := time.Now(); err != nil && now.Sub(told) > time.Minute {
			told = now
			r.log.Warn("documents can't be taken; it is tried again and again, and told of once in a minute", zap.Error(err))
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// pause is how long the receiver waits after something went wrong.
const pause = 500 * time.Millisecond

// document is one message of the source.
type document struct {
	subject  string
	header   nats.Header
	data     []byte
	sequence uint64 // in the stream; 0 without one
	stored   time.Time
}

// store makes posts of a document. It counts, and tells of what can't be stored. refused says that no repeat would help.
func (r *Receiver) store(d *document, limit time.Duration) (refused bool, err error) {
	ctx, cancel := context.WithTimeout(r.works, limit)
	defer cancel()
	err = r.take(ctx, d)
	fields := []zap.Field{zap.String("subject", d.subject), zap.Uint64("sequence", d.sequence), zap.Error(err)}
	switch {
	case err == nil:
		r.metrics.Count(r.Source(), receiver.Taken)
	case errors.Is(err, motacilla.ErrInvalid), errors.Is(err, motacilla.ErrNotFound), errors.Is(err, errPanic):
		refused = true
		r.metrics.Count(r.Source(), receiver.Refused)
		r.log.Warn("a document can't become a post, and is left out", fields...)
	default:
		r.metrics.Count(r.Source(), receiver.Failed)
		if !errors.Is(err, motacilla.ErrOverloaded) { // there are many of these at a time
			r.log.Error("a document could not be stored", fields...)
		}
	}
	if r.settled != nil {
		r.settled(d, err)
	}
	return refused, err
}

// errPanic is a defect of the program that a document shows. It would show it again, each time.
var errPanic = errors.New("panic")

func (r *Receiver) take(ctx context.Context, d *document) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("a document has caused a panic", zap.Any("panic", p), zap.StackSkip("stack", 1))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	if len(d.data) > r.o.MaxBody {
		return motacilla.Invalid("body", "must be at most %d bytes", r.o.MaxBody)
	}
	_, err = r.intake.Take(ctx, r.facts(d), d.data)
	return err
}

// facts returns the headers of a document, with what else is known of it.
func (r *Receiver) facts(d *document) http.Header {
	h := make(http.Header, len(d.header)+5)
	for key, values := range d.header {
		key = http.CanonicalHeaderKey(key)
		h[key] = append(h[key], values...)
	}
	channel := ""
	for _, s := range r.subjects {
		if c, ok := s.match(d.subject); ok {
			channel = c
			break
		}
	}
	h.Set(subjectHeader, d.subject)
	h.Set(channelHeader, channel)
	for _, of := range []string{sequenceHeader, timeHeader, versionHeader} {
		h.Del(of)
	}
	if d.sequence != 0 {
		h.Set(sequenceHeader, strconv.FormatUint(d.sequence, 10))
		h.Set(timeHeader, d.stored.UTC().Format(time.RFC3339Nano))
		h.Set(versionHeader, strconv.FormatInt(d.stored.UnixNano(), 10))
	}
	return h
}
