package webapp

import (
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Module registers the receiver as "webapp". The configuration has no options for it.
var Module = receiver.Register[struct{}](Name, nil,
	func(sink receiver.Sink, authorize route.Authorizer, listing *route.Listing, log *zap.Logger) *Webapp {
		return New(sink, authorize, &Options{Listing: listing, Logger: log})
	})
