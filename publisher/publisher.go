// Package publisher has the port of publishers, which deliver a channel's updates to its readers, each by one transport. It
// has Feed too, which all of them read, and Streams and Polls, which hold connections for them.
//
// A publisher of your own is one package that imports this one, route and the root, and calls [Register].
package publisher

import (
	"context"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Publisher delivers a channel's updates to its readers by one transport. A publisher that has work of its own may be a
// [Starter] too.
type Publisher interface {
	// URLs returns the routes that readers use. It must return the same each time. No pattern must have a method. Each must have
	// {channel_id}, unless its route is for several channels. The first route must be for one channel. A pattern that does
	// not begin with / is below the base path. A route is mounted with and without its last slash; nothing below it is.
	URLs() []route.Route

	// Shutdown ends streams, answers held requests, and waits for the publisher's goroutines, or until ctx ends. It may be
	// called again.
	Shutdown(ctx context.Context) error
}

// Starter is a publisher that has work of its own. Start must return when that has begun. ctx ends when Start is over.
type Starter interface {
	Start(ctx context.Context) error
}

// Notifier is a publisher that tells readers who have no page open. It is no transport: the live page offers it by a button.
type Notifier interface {
	// Notifications returns the name of the route for one channel at which browsers subscribe; empty if this channel has no
	// notifications. Package webpush says how they do.
	Notifications(ch motacilla.ChannelID) string
}
