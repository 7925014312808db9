package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/motacilla-live/motacilla/internal/adapter"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// configured is a publisher or a receiver that the configuration names.
type configured[P any] struct {
	index int    // in the configuration's list
	at    string // "publishers[0] (sse)"
	name  string // "sse"
	it    P
}

// storeModule makes the store that the configuration names. The store is pinged when the app starts, and closed when it
// stops.
func storeModule(all []adapter.Registration[storage.Store], c Choice) fx.Option {
	at := fmt.Sprintf("storage (%s)", c.Type)
	publish := func(lc fx.Lifecycle, store storage.Store) storage.Store {
		lc.Append(fx.Hook{
			OnStart: func(ctx context.Context) error {
				if err := store.Ping(ctx); err != nil {
					return errors.Join(fmt.Errorf("the store %q does not answer: %w", c.Type, err), store.Close())
				}
				return nil
			},
			OnStop: func(context.Context) error { return store.Close() },
		})
		return store
	}
	return registered(all, c.Type).Module(at, c.Options, fx.Provide(fx.Annotate(publish, fx.ParamTags("", nameTag(at)))))
}

// listModules makes the publishers or the receivers that the configuration names, in its order. key is its key, such as
// "publishers", and hook returns what happens to each when the app starts and stops.
func listModules[P any](
	key string, all []adapter.Registration[P], choices []Choice, hook func(at string, it P) fx.Hook,
) fx.Option {
	var modules []fx.Option
	for i, c := range choices {
		at := fmt.Sprintf("%s[%d] (%s)", key, i, c.Type)
		// The feed is asked for first, so that it starts before the adapter and stops after it.
		publish := func(_ *publisher.Feed, lc fx.Lifecycle, it P) configured[P] {
			lc.Append(hook(at, it))
			return configured[P]{i, at, c.Type, it}
		}
		modules = append(modules, registered(all, c.Type).Module(at, c.Options,
			fx.Provide(func(a *access) route.Authorizer { return a.authorize }, fx.Private),
			fx.Provide(fx.Annotate(publish, fx.ParamTags("", "", nameTag(at)), fx.ResultTags(`group:"configured"`)))))
	}
	return fx.Options(modules...)
}

// registered returns the registration of a name, which the schema has found before.
func registered[P any](all []adapter.Registration[P], name string) adapter.Registration[P] {
	return all[slices.IndexFunc(all, func(r adapter.Registration[P]) bool { return r.Name == name })]
}

func nameTag(name string) string { return `name:"` + name + `"` }

// receiverHook starts and ends a receiver that has work of its own.
func receiverHook(at string, r receiver.Receiver) fx.Hook {
	var h fx.Hook
	if s, ok := r.(receiver.Starter); ok {
		h.OnStart = func(ctx context.Context) error {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("start %s: %w", at, err)
			}
			return nil
		}
	}
	if s, ok := r.(receiver.Stopper); ok {
		h.OnStop = s.Shutdown
	}
	return h
}

// publisherHook does nothing: the server starts publishers before it listens, and ends them while it drains.
func publisherHook(string, publisher.Publisher) fx.Hook { return fx.Hook{} }

// inListOrder sorts what a value group has, which is in no order.
func inListOrder[P any](list []configured[P]) []configured[P] {
	slices.SortFunc(list, func(a, b configured[P]) int { return a.index - b.index })
	return list
}
