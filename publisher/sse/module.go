package sse

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
)

// Module puts sse into the graph.
var Module = fx.Module(name, fx.Provide(fx.Annotate(Factory, fx.ResultTags(`group:"publishers"`))))

// Factory makes "sse".
func Factory() publisher.Factory {
	defaults := (*Options)(nil).withDefaults()
	defaults.Logger = nil
	return publisher.Factory{Name: name, Options: &defaults,
		New: func(d publisher.Deps, options any) (publisher.Publisher, error) {
			o := *options.(*Options)
			if o.Lifetime <= 0 {
				return nil, motacilla.Invalid("lifetime", "must be more than 0")
			}
			o.Logger = d.Logger
			return New(d.Feed, &o), nil
		}}
}
