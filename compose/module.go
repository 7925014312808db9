package compose

import (
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Module registers the desk as "compose", among the receivers.
var Module = receiver.Register(Name, &Options{Path: "/compose", Undo: defaultUndo},
	func(o *Options, pages *page.Page, kit *receiver.Kit, authorize route.Authorizer, log *zap.Logger) (*Desk, error) {
		with := *o
		with.Logger = log
		return New(pages, kit, authorize, &with)
	})
