// Package tracing makes a [live.Tracer] from OpenTelemetry's, so that the calls of the store appear in the app's traces. It
// is a package of its own: an app that does not import it does not compile OpenTelemetry.
//
//	l, err := live.New(live.Options{
//		Store:  store,
//		Tracer: tracing.OpenTelemetry(otel.Tracer("live")),
//	})
package tracing

import (
	"context"
	"errors"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Names of spans and attributes.
const (
	prefix  = "motacilla.store/"  // of a span; the call follows, such as PutPost
	channel = "motacilla.channel" // the call's channel, if it has one
)

// OpenTelemetry returns a Tracer that starts a span of tracer for each call of the store, as a child of the span of the
// call's context. The span is named motacilla.store/PutPost, and the same for the other calls, and has the attribute
// motacilla.channel. An error is recorded in the span. It is the span's status too, unless it is an answer, such as that
// there is no such post.
func OpenTelemetry(tracer trace.Tracer) live.Tracer {
	return func(ctx context.Context, call string, ch motacilla.ChannelID) (context.Context, func(error)) {
		options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)}
		if ch != "" {
			options = append(options, trace.WithAttributes(attribute.String(channel, string(ch))))
		}
		ctx, span := tracer.Start(ctx, prefix+call, options...)
		return ctx, func(err error) {
			defer span.End()
			if err == nil {
				return
			}
			span.RecordError(err)
			if !isAnswer(err) {
				span.SetStatus(codes.Error, err.Error())
			}
		}
	}
}

// isAnswer reports whether err is what a store that works answers.
func isAnswer(err error) bool {
	for _, answer := range []error{
		motacilla.ErrNotFound, motacilla.ErrExists, motacilla.ErrConflict, motacilla.ErrDeleted, motacilla.ErrInvalid,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}
