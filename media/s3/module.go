package s3

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla/media"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module registers the media store as "s3".
var Module = media.Register("s3", &Options{Region: DefaultRegion}, newConfigured)

// newConfigured returns the store, which is checked when the app starts. If the server can't be reached, the app starts
// nevertheless: texts need no media store.
func newConfigured(lc fx.Lifecycle, o *Options, log *zap.Logger) (*Store, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, answerTimeout/4)
			defer cancel()
			err := s.Check(ctx)
			switch {
			case err != nil && final(err):
				return fmt.Errorf("media (s3): %w", err)
			case err != nil:
				log.Warn("the media store does not answer; images can't be kept or shown until it does", zap.Error(err))
			}
			return nil
		},
		OnStop: func(context.Context) error { return s.Close() },
	})
	return s, nil
}
