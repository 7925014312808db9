package tracing

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// Options are the settings of [Traces]. nil and zero fields mean the defaults.
type Options struct {
	// IgnoreParents begins a trace of its own for each request, and only links it to the trace that the request's header
	// traceparent names. Without it, whoever may send requests decides by that header which of them are sampled.
	IgnoreParents bool
	Logger        *zap.Logger // nil logs nothing
}

// Traces makes one trace of a post: the request that a receiver took, the calls of the store, and the first delivery by each
// publisher of each node. It is a [live.Traces].
//
// A node that delivers a post may not be the one that wrote it. So the writer stores a record with the span's context (W3C
// traceparent) under the channel and the revision, for a minute, if the span is sampled. A node that has delivered something
// looks for records of what it has delivered, about a second later. Neither is on the way of a post to its readers. So nothing
// is slower, and a span is missing if the store does not answer in time.
type Traces struct {
	tracer  trace.Tracer
	call    live.Tracer
	records motacilla.Records
	options Options

	writes     chan motacilla.Record
	mu         sync.Mutex
	deliveries []*delivery
	lost       atomic.Int64 // spans that did not fit in

	stop context.CancelFunc
	work sync.WaitGroup
}

var _ live.Traces = (*Traces)(nil)

const (
	mostWrites     = 1024 // records that wait to be stored
	mostDeliveries = 4096 // deliveries that are looked for
)

// New returns Traces that makes its spans with tracer. records are those of the site's store: store.Records(). The caller must
// call Start before the site starts, and Shutdown after the site has been shut down and before the store is closed.
func New(tracer trace.Tracer, records motacilla.Records, o *Options) *Traces {
	t := &Traces{
		tracer: tracer, call: OpenTelemetry(tracer), records: records, writes: make(chan motacilla.Record, mostWrites),
		stop: func() {},
	}
	if o != nil {
		t.options = *o
	}
	if t.options.Logger == nil {
		t.options.Logger = zap.NewNop()
	}
	return t
}

// Request implements live.Traces. If the request's context has a span already, such as that of the app's middleware, it is the
// parent.
func (t *Traces) Request(r *http.Request, route string) (context.Context, func(status int)) {
	ctx := r.Context()
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", route)),
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		remote := propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		if sender := trace.SpanContextFromContext(remote); !t.options.IgnoreParents {
			ctx = remote
		} else if sender.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: sender}))
		}
	}
	ctx, span := t.tracer.Start(ctx, r.Method+" "+route, options...)
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// Call implements live.Traces. Reads that belong to no span, such as repair checks and reads for readers, have none.
func (t *Traces) Call(ctx context.Context, call string, ch motacilla.ChannelID) (context.Context, func(error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() && !writes[call] {
		return ctx, func(error) {}
	}
	return t.call(ctx, call, ch)
}

// writes are the calls that may begin a trace: those of receivers that fetch what they post.
var writes = map[string]bool{"PutChannel": true, "DeleteChannel": true, "PutPost": true, "DeletePost": true}

// Written implements live.Traces.
func (t *Traces) Written(ctx context.Context, ch motacilla.ChannelID, r motacilla.Revision) {
	span := trace.SpanFromContext(ctx)
	if !span.SpanContext().IsSampled() {
		return
	}
	span.SetAttributes(attribute.Int64(revision, int64(r)))
	select {
	case t.writes <- recordOf(ctx, ch, r):
	default:
		t.lost.Add(1)
	}
}

// Delivered implements live.Traces.
func (t *Traces) Delivered(d publisher.Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.deliveries) >= mostDeliveries {
		t.lost.Add(1)
		return
	}
	t.deliveries = append(t.deliveries, &delivery{Delivery: d})
}

// Start begins to store and to look for what is traced.
func (t *Traces) Start(context.Context) error {
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.work.Go(func() { t.store(ctx) })
	t.work.Go(func() { t.follow(ctx) })
	return nil
}

// Shutdown stores and looks for what is left. Spans are the tracer's own then: its provider has to be shut down after it.
func (t *Traces) Shutdown(ctx context.Context) error {
	t.stop()
	t.work.Wait()
	for len(t.writes) > 0 {
		t.put(ctx, <-t.writes)
	}
	t.look(ctx, time.Now())
	if n := t.lost.Load(); n > 0 {
		t.options.Logger.Warn("spans are missing in traces: too much was written at a time", zap.Int64("spans", n))
	}
	return nil
}
