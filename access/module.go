package access

import (
	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
)

// Register puts an authenticator into an app's graph, under the name that its type has in the configuration's list access. The
// rules for name, defaults and constructor are those of publisher.Register; constructor returns an [Authenticator], and may
// ask for the *[Kit].
func Register[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Authenticator]("authenticator", name, defaults, constructor)
}
