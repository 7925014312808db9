package otlp

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module registers the tracing as "otlp". It is off until the configuration gives tracing.endpoint.
var Module = live.RegisterTraces("otlp", &Options{Service: DefaultService, Ratio: 1}, newConfigured)

func newConfigured(lc fx.Lifecycle, o *Options, records motacilla.Records, log *zap.Logger) (*Tracing, error) {
	t, err := New(records, o, log)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			log.Info("tracing", zap.String("endpoint", t.endpoint), zap.Float64("ratio", o.Ratio))
			return t.Start(ctx)
		},
		OnStop: t.Shutdown,
	})
	return t, nil
}
