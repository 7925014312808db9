// Package standard lists all stores, media stores, publishers, receivers and authenticators of the project, and the languages of its pages.
// The command motacilla uses it. An app that needs only some of them gives their modules to app.Main instead, and compiles no others.
package standard

import (
	"github.com/motacilla-live/motacilla/access/jwt"
	"github.com/motacilla-live/motacilla/access/oidc"
	"github.com/motacilla-live/motacilla/access/people"
	"github.com/motacilla-live/motacilla/compose"
	"github.com/motacilla-live/motacilla/media/local"
	mediamemory "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/media/oembed"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/publisher/centrifugo"
	"github.com/motacilla-live/motacilla/publisher/chat"
	"github.com/motacilla-live/motacilla/publisher/durablestreams"
	"github.com/motacilla-live/motacilla/publisher/grip"
	"github.com/motacilla-live/motacilla/publisher/mercure"
	"github.com/motacilla-live/motacilla/publisher/nats"
	"github.com/motacilla-live/motacilla/publisher/nchan"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/pusher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	webhookout "github.com/motacilla-live/motacilla/publisher/webhook"
	"github.com/motacilla-live/motacilla/publisher/webpush"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	natsreceiver "github.com/motacilla-live/motacilla/receiver/nats"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/receiver/syndication"
	"github.com/motacilla-live/motacilla/receiver/telegram"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"go.uber.org/fx"
)

//go:generate go run ./internal/reference ../../docs/configuration.md ../../docs/motacilla.schema.json

// Module registers all of them. The configuration chooses.
var Module = fx.Module("standard",
	memory.Module,
	sqlite.Module,
	postgres.Module,
	redis.Module,
	local.Module,
	mediamemory.Module,
	oembed.Module,
	sse.Module,
	websocket.Module,
	polling.Module,
	mercure.Module,
	centrifugo.Module,
	durablestreams.Module,
	webhookout.Module,
	chat.Module,
	pusher.Module,
	grip.Module,
	nchan.Module,
	webpush.Module,
	nats.Module,
	webapp.Module,
	drafts.Module,
	compose.Module,
	slack.Module,
	telegram.Module,
	webhook.Module,
	natsreceiver.Module,
	syndication.Module,
	people.Module,
	jwt.Module,
	oidc.Module,
	languages.Module,
)
