// Package publisher is the port of publishers, which deliver a channel's updates to its readers, each by one technique,
// and Feed, which they all read.
//
// A publisher of your own is one package that imports this one, route and the root, and calls [Register].
package publisher

import (
	"context"

	"github.com/motacilla-live/motacilla/route"
)

// Publisher delivers a channel's updates to its readers by one technique. One with work of its own to begin is a
// [Starter] too.
type Publisher interface {
	// URLs returns the routes that readers use. It is pure. Each pattern has {channel_id} and no method; one that does
	// not begin with / stands below the base path. A route is mounted with and without its last slash, and nothing
	// beneath it.
	URLs() []route.Route

	// Shutdown ends streams, answers held requests and waits for the publisher's goroutines, or for ctx. It may be
	// called again.
	Shutdown(ctx context.Context) error
}

// Starter is a publisher with work of its own. Start returns when it has begun; ctx is for starting alone.
type Starter interface {
	Start(ctx context.Context) error
}
