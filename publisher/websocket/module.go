package websocket

import (
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Module registers the publisher as "websocket".
var Module = publisher.Register(name, configuration(), newConfigured)

// configuration returns the defaults that the configuration's reference shows.
func configuration() *Options {
	defaults := (*Options)(nil).withDefaults()
	defaults.Logger = nil
	return &defaults
}

func newConfigured(feed *publisher.Feed, o *Options, origins *route.Origins, log *zap.Logger) *Publisher {
	o.Origins, o.Logger = origins, log
	return New(feed, o)
}
