// Package app makes an application with fx from stores, publishers and receivers that register themselves, and from a
// configuration that says which of them are used. It knows none of them; package app/standard lists all of the project's.
//
//	func main() { app.Main(memory.Module, polling.Module, webapp.Module) }
//
// An app has two phases. First it reads what is registered (storage.Register, publisher.Register, receiver.Register).
// This gives the keys of the configuration, which it reads next. Nothing else is made in this phase. Then it builds the
// graph: each adapter that the configuration names is made by its own constructor, in an fx.Module of its own, with its
// own options.
//
// The graph has *Config, *zap.Logger, storage.Store, receiver.Sink (the same store), *receiver.Ingest, *publisher.Feed,
// *route.Origins, *Token, *live.Live and *Server. The app's own code writes posts by the Ingest. The constructors of
// publishers and receivers may ask for a route.Authorizer too. An app may provide anything else, such as its own database,
// and add its own pages with [Routes]. It may also provide
//
//   - an *Input, which says where the configuration comes from;
//   - a route.Authorizer, which then decides who may do what, instead of the token;
//   - a publisher.Renderer, which then makes the HTML of posts.
package app

import (
	"context"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla/internal/handover"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/dig"
	"go.uber.org/fx"
)

// StopTimeout is the longest time that an app takes to stop.
const StopTimeout = 10 * time.Second

// New returns the app that opts describe. If the configuration is wrong, the app's method Err returns what is wrong.
func New(opts ...fx.Option) *fx.App { return build(context.Background(), opts) }

// build is New. When interrupted ends, the app gives up its start.
func build(interrupted context.Context, opts []fx.Option) *fx.App {
	r, err := read(opts)
	var c *Config
	if err == nil {
		c, err = r.load()
	}
	if err != nil {
		return fx.New(fx.NopLogger, fx.Error(err))
	}
	events := &fxLog{}
	starts := fx.Decorate(func(lc fx.Lifecycle) fx.Lifecycle { return interruptible{lc, interrupted} })
	return fx.New(fx.StopTimeout(StopTimeout), fx.WithLogger(events.logger), starts, r.module(c), fx.Invoke(events.open), fx.Options(opts...))
}

// Run runs the app until SIGINT or SIGTERM, or until it fails. It returns nil if a signal ended the app and it stopped in
// good order.
func Run(opts ...fx.Option) error {
	successor, err := handover.Inherited(builtVersion())
	if err != nil {
		return err
	}
	if successor != nil {
		defer successor.Close()
		opts = append(opts, fx.Supply(successor))
	}
	interrupted, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	a := build(interrupted, opts)
	if err := a.Err(); err != nil {
		return plain(err)
	}
	signals := a.Wait() // a signal that comes from here on stops the app in good order
	start, cancel := context.WithTimeout(context.Background(), a.StartTimeout())
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- a.Start(start) }()
	var signal fx.ShutdownSignal
	select {
	case err = <-started:
		if err == nil {
			signal = <-signals
		}
	case signal = <-signals:
		interrupt()
		if err = <-started; err == errInterrupted { //nolint:errorlint // an error around it says what else failed
			err = nil
		}
	}
	stop, cancel := context.WithTimeout(context.Background(), a.StopTimeout())
	defer cancel()
	if err := errors.Join(err, a.Stop(stop)); err != nil {
		return plain(err)
	}
	if signal.ExitCode != 0 {
		return errors.New("the server failed; its log says why")
	}
	return nil
}

// Routes adds the app's own routes. Nothing checks who may call them: they are mounted as they are.
func Routes(routes ...route.Route) fx.Option {
	return fx.Provide(fx.Annotate(func() []route.Route { return routes }, fx.ResultTags(`group:"routes,flatten"`)))
}

// SchemaOf returns the keys of the configuration of the app that opts describe. Of that app it makes only the *Input.
func SchemaOf(opts ...fx.Option) (*Schema, error) {
	r, err := read(opts)
	if err != nil {
		return nil, err
	}
	return r.schema()
}

// plain returns the error of a constructor without what fx says around it. It returns err whole if it is an error of the
// graph itself, such as a missing type: then the reader has to know where in the graph.
func plain(err error) error {
	cause := dig.RootCause(err)
	if ofGraph := dig.Error(nil); errors.As(cause, &ofGraph) {
		return err
	}
	return cause
}
