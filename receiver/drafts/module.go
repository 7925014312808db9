package drafts

import (
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Module registers the receiver as "drafts". The configuration has no options for it.
var Module = receiver.Register[struct{}](Name, nil,
	func(kit *receiver.Kit, authorize route.Authorizer, log *zap.Logger) *Drafts {
		return New(kit, authorize, &Options{Logger: log})
	})
