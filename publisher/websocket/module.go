package websocket

import (
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
)

// Module puts websocket into the graph.
var Module = fx.Module(name, fx.Provide(fx.Annotate(Factory, fx.ResultTags(`group:"publishers"`))))

// Factory makes "websocket".
func Factory() publisher.Factory {
	defaults := (*Options)(nil).withDefaults()
	defaults.Logger = nil
	return publisher.Factory{Name: name, Options: &defaults,
		New: func(d publisher.Deps, options any) (publisher.Publisher, error) {
			o := *options.(*Options)
			o.Origins, o.Logger = d.Origins, d.Logger
			return New(d.Feed, &o), nil
		}}
}
