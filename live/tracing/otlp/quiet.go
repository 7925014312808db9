package otlp

import (
	"context"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// quiet logs once that the collector does not take spans, and once that it takes them again. Spans that it does not take are lost.
// The SDK would report each failure to a handler that is global.
type quiet struct {
	sdk.SpanExporter
	log  *zap.Logger
	down atomic.Bool
}

// ExportSpans implements sdk.SpanExporter.
func (q *quiet) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !q.down.Swap(true):
		q.log.Warn("the collector takes no spans; they are lost until it does", zap.Error(err))
	case err == nil && q.down.Swap(false):
		q.log.Info("the collector takes spans again")
	}
	return nil
}
