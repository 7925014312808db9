package app

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// newClient makes the client for addresses from outside. Its connections are closed after everything else has stopped.
func newClient(lc fx.Lifecycle, c *Config) *outbound.Client {
	networks, _ := c.Outbound.networks() // which are valid
	client := outbound.New(&outbound.Options{Allow: networks})
	lc.Append(fx.StopHook(client.Close))
	return client
}

type libraryIn struct {
	fx.In

	Config  *Config
	Store   media.Store `optional:"true"`
	Records motacilla.Records
	Log     *zap.Logger
}

// newLibrary makes the library of images, or returns nil if the configuration keeps none.
func newLibrary(in libraryIn) (*media.Library, error) {
	if in.Store == nil {
		return nil, nil
	}
	o := in.Config.Images
	o.Logger = in.Log
	return media.NewLibrary(in.Store, in.Records, &o)
}
