package oembed

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/zap"
)

// Module registers the package as the embeds "oembed".
var Module = media.RegisterEmbeds("oembed", Defaults(), func(
	records motacilla.Records, client *outbound.Client, posts media.PostStore, library *media.Library, o *Options, log *zap.Logger,
) (*Embeds, error) {
	if library == nil {
		return New(records, client, posts, nil, o, log)
	}
	return New(records, client, posts, library, o, log)
})
