package chat

import (
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
)

// Module registers the publishers as "slack-out", "mastodon-out" and "bluesky-out". Each entry of publishers is a chat.
var Module = fx.Options(
	publisher.Register(slackName, slackConfiguration(), NewSlack),
	publisher.Register(mastodonName, mastodonConfiguration(), NewMastodon),
	publisher.Register(blueskyName, blueskyConfiguration(), NewBluesky),
)
