package app

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/media"
	"go.uber.org/zap"
)

// newHistory makes the history of posts.
func newHistory(c *Config, records motacilla.Records, log *zap.Logger) *history.History {
	o := history.Options{Keep: c.History.Keep, Versions: c.History.Versions, Logger: log.Named("history")}
	if o.Keep == 0 || o.Versions == 0 {
		o.Keep, o.Versions = -1, -1
	}
	return history.New(records, &o)
}

// inVersions tells the collector of images which of them versions have: an editor may restore those.
func inVersions(h *history.History) media.Uses {
	return func(ctx context.Context, use func(id string)) error {
		return h.Blocks(ctx, func(b motacilla.Block) { media.UsesOf(b, use) })
	}
}
