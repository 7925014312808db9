package webapp

import (
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Module registers the receiver as "webapp". The configuration has no options for it.
var Module = receiver.Register[struct{}](Name, nil,
	func(kit *receiver.Kit, authorize route.Authorizer, listing *route.Listing, log *zap.Logger) *Webapp {
		return New(kit.Sink, authorize, &Options{Listing: listing, Images: kit.Images, Logger: log})
	})
