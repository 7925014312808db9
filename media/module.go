package media

import (
	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
)

// Register puts a media store into an app's graph, under the name that its type has in the configuration. The rules for name,
// defaults and constructor are those of publisher.Register, but constructor returns a [Store].
func Register[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Store]("media store", name, defaults, constructor)
}

// RegisterEmbeds puts something that looks up embedded pages into an app's graph, under the name that embeds.type has in the
// configuration. The rules for name, defaults and constructor are those of publisher.Register; constructor returns an Embeds. It
// may ask for motacilla.Records, *outbound.Client, [PostStore] and *[Library], which is nil if the app keeps no images.
func RegisterEmbeds[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Embeds]("embeds", name, defaults, constructor)
}
