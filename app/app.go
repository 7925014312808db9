// Package app composes an application with fx from what its graph has: stores, publishers and receivers, of which the
// configuration names those that are used. It knows none of them itself; app/standard lists all there are.
//
//	func main() { app.Main(memory.Module, polling.Module, webapp.Module) }
//
// To an app of your own you add with [Store], [Publisher], [Receiver] and [Routes], or by providing to the value
// groups "stores", "publishers", "receivers" and "routes". A route.Authorizer in the graph replaces the token as the
// hook that decides who may do what, a publisher.Renderer the way in which posts look.
package app

import (
	"context"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/dig"
	"go.uber.org/fx"
)

// StopTimeout is how long an app takes to stop at most.
const StopTimeout = 10 * time.Second

// Module is everything but the adapters. It provides *Config, *zap.Logger, storage.Store, *publisher.Feed, *Token and
// *Server, and serves. An *Input in the graph says where the configuration comes from; [Main] puts the program's
// arguments above it.
var Module = fx.Module("app",
	fx.Provide(
		newSchemaOf, newConfig, newLogger, newToken, newStore, newRenderer, newFeed, newAccess, newReceivers,
		newPublishers, newPage, newMetrics, newServer,
	),
	fx.Invoke(func(*Server) {}),
)

// New returns the app that opts make together with Module.
func New(opts ...fx.Option) *fx.App {
	events := &fxLog{}
	all := []fx.Option{
		Module, fx.StopTimeout(StopTimeout), fx.WithLogger(events.logger), fx.Invoke(events.open),
	}
	return fx.New(append(all, opts...)...)
}

// Run runs the app until SIGINT or SIGTERM, or until it fails.
func Run(opts ...fx.Option) error {
	a := New(opts...)
	if err := a.Err(); err != nil {
		return plain(err)
	}
	start, cancel := context.WithTimeout(context.Background(), a.StartTimeout())
	defer cancel()
	if err := a.Start(start); err != nil {
		return plain(err)
	}
	signal := <-a.Wait()
	stop, cancel := context.WithTimeout(context.Background(), a.StopTimeout())
	defer cancel()
	if err := a.Stop(stop); err != nil {
		return fmt.Errorf("stop: %w", plain(err))
	}
	if signal.ExitCode != 0 {
		return fmt.Errorf("the server failed; its log says why")
	}
	return nil
}

// Store puts a kind of store into the graph.
func Store(f storage.Factory) fx.Option { return supply("stores", f) }

// Publisher puts a kind of publisher into the graph.
func Publisher(f publisher.Factory) fx.Option { return supply("publishers", f) }

// Receiver puts a kind of receiver into the graph.
func Receiver(f receiver.Factory) fx.Option { return supply("receivers", f) }

// Routes mounts routes of the app's own beside the others, as they are: no hook stands before them.
func Routes(routes ...route.Route) fx.Option {
	return fx.Provide(fx.Annotate(func() []route.Route { return routes }, fx.ResultTags(`group:"routes,flatten"`)))
}

func supply[F any](group string, f F) fx.Option {
	return fx.Supply(fx.Annotate(f, fx.ResultTags(`group:"`+group+`"`)))
}

// SchemaOf returns the configuration's keys of the app that opts make, without making it.
func SchemaOf(opts ...fx.Option) (*Schema, error) {
	var s *Schema
	a := fx.New(fx.NopLogger, fx.Provide(newSchemaOf), fx.Options(opts...), fx.Populate(&s))
	if err := a.Err(); err != nil {
		return nil, plain(err)
	}
	return s, nil
}

// plain takes off what fx and dig say of their graph, where the error is one of ours within it.
func plain(err error) error { return dig.RootCause(err) }
