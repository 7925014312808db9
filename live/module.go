package live

import (
	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
)

// RegisterTraces puts something that traces into an app's graph, under the name that tracing.type has in the configuration. The
// rules for name, defaults and constructor are those of publisher.Register; constructor returns a [Traces]. It may ask for
// motacilla.Records. If an option has the tag required, tracing is off until the configuration gives that option.
func RegisterTraces[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Traces]("tracing", name, defaults, constructor)
}
