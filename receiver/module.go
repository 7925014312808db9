package receiver

import (
	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
)

// Register puts a receiver into an app's graph, under the name that its type has in the configuration. The rules for
// name, defaults and constructor are those of publisher.Register, but constructor returns a Receiver. It may ask for a
// [Sink] too, which is the app's store.
//
// If the configuration names the receiver and it is a [Starter], the app calls Start after Feed has started. If it is a
// [Stopper], the app calls Shutdown after the server has stopped and before Feed is closed.
func Register[O any](name string, defaults *O, constructor any) fx.Option {
	return adapter.Register[Receiver]("receiver", name, defaults, constructor)
}
