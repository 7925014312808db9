package tracing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// namespace has the contexts of spans, by channel and revision.
const namespace = "traces"

const (
	remembered = time.Minute     // how long a record stays
	every      = time.Second     // how often records are looked for
	patience   = 4 * time.Second // how long a delivery is looked for: a record is stored after its post
)

// Attributes of a delivery.
const (
	revision = "motacilla.revision"
	by       = "motacilla.publisher"
)

// delivery is a delivery that may be of posts that are traced.
type delivery struct {
	publisher.Delivery
	done map[motacilla.Revision]bool // those that have their span
}

// keyOf returns the key of a record. Keys of one channel are in the order of their revisions.
func keyOf(ch motacilla.ChannelID, r motacilla.Revision) string {
	return fmt.Sprintf("%s/%019d", ch, int64(r))
}

func recordOf(ctx context.Context, ch motacilla.ChannelID, r motacilla.Revision) motacilla.Record {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return motacilla.Record{Namespace: namespace, Key: keyOf(ch, r), Value: []byte(carrier["traceparent"]), TTL: remembered}
}

// store puts the records of what was written.
func (t *Traces) store(ctx context.Context) {
	for {
		select {
		case r := <-t.writes:
			t.put(ctx, r)
		case <-ctx.Done():
			return
		}
	}
}

func (t *Traces) put(ctx context.Context, r motacilla.Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), every)
	defer cancel()
	// A conflict is a put that changed nothing: the revision has its record.
	if _, err := t.records.Put(ctx, r); err != nil && !errors.Is(err, motacilla.ErrConflict) {
		t.options.Logger.Debug("the context of a span was not stored", zap.String("key", r.Key), zap.Error(err))
	}
}

// follow looks for the records of what was delivered.
func (t *Traces) follow(ctx context.Context) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			t.look(ctx, now)
		case <-ctx.Done():
			return
		}
	}
}

// look makes spans of the deliveries whose posts are traced, and forgets those that were looked for long enough.
func (t *Traces) look(ctx context.Context, now time.Time) {
	t.mu.Lock()
	all := t.deliveries
	t.deliveries = nil
	t.mu.Unlock()
	channels := map[motacilla.ChannelID][]*delivery{}
	for _, d := range all {
		channels[d.Channel] = append(channels[d.Channel], d)
	}
	ctx, cancel := context.WithTimeout(ctx, every)
	defer cancel()
	for ch, list := range channels {
		if err := t.find(ctx, ch, list); err != nil && ctx.Err() == nil {
			t.options.Logger.Debug("contexts of spans were not found", zap.String("channel", string(ch)), zap.Error(err))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range all {
		if now.Sub(d.At) < patience && len(t.deliveries) < mostDeliveries {
			t.deliveries = append(t.deliveries, d)
		}
	}
}

// find reads the records of one channel, from the oldest delivery on.
func (t *Traces) find(ctx context.Context, ch motacilla.ChannelID, list []*delivery) error {
	since := list[0].Since
	for _, d := range list {
		since = min(since, d.Since)
	}
	const most = 200 // in one call
	for after := keyOf(ch, since); ; {
		records, err := t.records.List(ctx, namespace, string(ch)+"/", after, most)
		if err != nil {
			return err
		}
		for _, r := range records {
			t.match(r, list)
			after = r.Key
		}
		if len(records) < most {
			return nil
		}
	}
}

// match makes the spans of the deliveries that had the revision of a record.
func (t *Traces) match(r motacilla.Record, list []*delivery) {
	rev, err := motacilla.ParseRevision(strings.TrimLeft(r.Key[strings.LastIndexByte(r.Key, '/')+1:], "0"))
	if err != nil {
		return
	}
	parent := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": string(r.Value)})
	for _, d := range list {
		if rev <= d.Since || rev > d.Revision || d.done[rev] {
			continue
		}
		if d.done == nil {
			d.done = make(map[motacilla.Revision]bool)
		}
		d.done[rev] = true
		t.span(parent, rev, d.Delivery)
	}
}

// span makes the span of a delivery. It begins when the post was written, by the store's clock, and ends at the first write to a
// reader, by the node's. If the clocks differ so much that it would end before, it has no length.
func (t *Traces) span(parent context.Context, rev motacilla.Revision, d publisher.Delivery) {
	began, ended := rev.Time(), d.At
	if ended.Before(began) {
		ended = began
	}
	_, span := t.tracer.Start(parent, "motacilla.delivery", trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String(channel, string(d.Channel)), attribute.Int64(revision, int64(rev)),
			attribute.String(by, d.Publisher)))
	span.End(trace.WithTimestamp(ended))
}
