// Package standard is the list of every store, publisher and receiver of the project, for the program, and for those
// who want them all. Whoever wants few gives app.New their modules instead, and compiles no more than those.
package standard

import (
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"go.uber.org/fx"
)

// Module puts all of them into the graph; the configuration chooses.
var Module = fx.Module("standard",
	memory.Module,
	sqlite.Module,
	postgres.Module,
	redis.Module,
	sse.Module,
	websocket.Module,
	polling.Module,
	webapp.Module,
)
