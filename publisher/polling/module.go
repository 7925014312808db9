package polling

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
)

// Module puts interval-polling and long-polling into the graph.
var Module = fx.Module("polling",
	fx.Provide(
		fx.Annotate(IntervalFactory, fx.ResultTags(`group:"publishers"`)),
		fx.Annotate(LongFactory, fx.ResultTags(`group:"publishers"`)),
	),
)

// IntervalFactory makes "interval-polling".
func IntervalFactory() publisher.Factory {
	defaults := (*IntervalOptions)(nil).withDefaults()
	return publisher.Factory{Name: intervalName, Options: &defaults,
		New: func(d publisher.Deps, options any) (publisher.Publisher, error) {
			o := *options.(*IntervalOptions)
			if o.Interval <= 0 {
				return nil, motacilla.Invalid("interval", "must be more than 0")
			}
			o.Logger = d.Logger
			return NewInterval(d.Feed, &o), nil
		}}
}

// LongFactory makes "long-polling".
func LongFactory() publisher.Factory {
	defaults := (*LongOptions)(nil).withDefaults()
	return publisher.Factory{Name: longName, Options: &defaults,
		New: func(d publisher.Deps, options any) (publisher.Publisher, error) {
			o := *options.(*LongOptions)
			if o.Timeout <= 0 {
				return nil, motacilla.Invalid("timeout", "must be more than 0")
			}
			if o.Hold <= 0 {
				return nil, motacilla.Invalid("hold", "must be more than 0")
			}
			o.Logger = d.Logger
			return NewLong(d.Feed, &o), nil
		}}
}
