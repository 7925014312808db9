package durablestreams

import (
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/zap"
)

// Module registers the publisher as "durable-streams".
var Module = publisher.Register(name, configuration(), newConfigured)

// configuration returns the defaults that the configuration's reference shows.
func configuration() *Options {
	defaults := (*Options)(nil).withDefaults()
	defaults.Logger = nil
	return &defaults
}

func newConfigured(feed *publisher.Feed, o *Options, log *zap.Logger) *Publisher {
	o.Logger = log
	return New(feed, o)
}
