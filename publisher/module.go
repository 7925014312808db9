package publisher

import (
	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
)

// Register puts a publisher into an app's graph, under the name that its type has in the configuration:
//
//	var Module = publisher.Register("ndjson", &Options{Path: "ndjson/{channel_id}/"}, New)
//
// The name consists of lower-case letters, digits and hyphens.
//
// Exported fields of the struct O with a key tag are settings. The tag key is the name in the configuration, doc is the
// line in the reference, and secret:"true" masks the value wherever it is shown. A setting is a string, bool, int,
// float64, time.Duration or []string. The tags min and max are bounds of a number or a duration, or of the number of
// characters of a text. The tag choices has the only texts that a setting takes, as in choices:"console,json". The
// configuration refuses other values, and the reference and the JSON Schema show the bounds. defaults holds the value of
// each setting that the configuration does not give; nil is the zero O.
//
// By default each registered publisher is used. One that can't do without a setting, which then has the tag required:"true", is
// used only if the configuration names it. So is one whose *O has the method OnlyNamed() bool, if that returns true.
//
// constructor is a function that returns a Publisher, or a type that implements it, and may return an error too. It may
// ask for anything in the graph, as every constructor of fx: among others *Feed, *route.Origins, route.Authorizer,
// storage.Store, *zap.Logger, fx.Lifecycle, and whatever the app provides itself. It must ask for *O, if O has fields.
// That is a copy of defaults with what the configuration says.
//
// The app calls constructor once for each entry of the configuration that names this type, and not at all if there is
// none. Start, of a [Starter], is called after the feed has started, and Shutdown before the feed is closed.
func Register[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Publisher]("publisher", name, defaults, constructor)
}
