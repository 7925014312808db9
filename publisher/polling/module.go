package polling

import (
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module registers both publishers of the package.
var Module = fx.Module("polling", IntervalModule, LongModule)

// IntervalModule registers [Interval] as "interval-polling".
var IntervalModule = publisher.Register(intervalName, intervalConfiguration(), newConfiguredInterval)

// LongModule registers [Long] as "long-polling".
var LongModule = publisher.Register(longName, longConfiguration(), newConfiguredLong)

// intervalConfiguration returns the defaults that the configuration's reference shows.
func intervalConfiguration() *IntervalOptions {
	defaults := (*IntervalOptions)(nil).withDefaults()
	defaults.Logger = nil
	return &defaults
}

func newConfiguredInterval(feed *publisher.Feed, o *IntervalOptions, log *zap.Logger) *Interval {
	o.Logger = log
	return NewInterval(feed, o)
}

// longConfiguration returns the defaults that the configuration's reference shows.
func longConfiguration() *LongOptions {
	defaults := (*LongOptions)(nil).withDefaults()
	defaults.Logger = nil
	return &defaults
}

func newConfiguredLong(feed *publisher.Feed, o *LongOptions, log *zap.Logger) *Long {
	o.Logger = log
	return NewLong(feed, o)
}
