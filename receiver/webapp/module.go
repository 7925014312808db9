package webapp

import (
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/fx"
)

// Module puts the receiver's Factory into an fx graph, in the value group "receivers".
var Module = fx.Module("webapp", fx.Provide(fx.Annotate(NewFactory, fx.ResultTags(`group:"receivers"`))))

// NewFactory returns the Factory of the receiver that the configuration calls "webapp".
func NewFactory() receiver.Factory {
	return receiver.Factory{
		Name:    Name,
		Options: &Options{},
		New: func(d receiver.Deps, options any) (receiver.Receiver, error) {
			o := *options.(*Options)
			o.Logger, o.Listing = d.Logger, d.Listing
			return New(d.Sink, d.Authorize, &o), nil
		},
	}
}
