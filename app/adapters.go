package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/motacilla-live/motacilla/internal/adapter"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// configured is a publisher or a receiver that the configuration names. Its At is such as "publishers[0] (sse)".
type configured[P any] struct {
	index int // in the configuration's list
	live.Named[P]
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

// mediaModule makes the media store that the configuration names, if any.
func mediaModule(all []adapter.Registration[media.Store], c Choice) fx.Option {
	if c.Type == none {
		return fx.Options()
	}
	at := fmt.Sprintf("media (%s)", c.Type)
	publish := func(s media.Store) media.Store { return s }
	return registered(all, c.Type).Module(at, c.Options, fx.Provide(fx.Annotate(publish, fx.ParamTags(nameTag(at)))))
}

// embedsModule makes what the configuration names to look up embedded pages, if anything.
func embedsModule(all []adapter.Registration[media.Embeds], c Choice) fx.Option {
	if c.Type == none {
		return fx.Options()
	}
	at := fmt.Sprintf("embeds (%s)", c.Type)
	publish := func(e media.Embeds) media.Embeds { return e }
	return registered(all, c.Type).Module(at, c.Options, fx.Provide(fx.Annotate(publish, fx.ParamTags(nameTag(at)))))
}

// tracingModule makes what the configuration names to trace posts, if anything.
func tracingModule(all []adapter.Registration[live.Traces], c Choice) fx.Option {
	if c.Type == none {
		return fx.Options()
	}
	at := fmt.Sprintf("tracing (%s)", c.Type)
	publish := func(t live.Traces) live.Traces { return t }
	return registered(all, c.Type).Module(at, c.Options, fx.Provide(fx.Annotate(publish, fx.ParamTags(nameTag(at)))))
}

// listModules makes the publishers or the receivers that the configuration names, in its order. key is its key, such as
// "publishers".
func listModules[P any](key string, all []adapter.Registration[P], choices []Choice) fx.Option {
	var modules []fx.Option
	for i, c := range choices {
		at := fmt.Sprintf("%s[%d] (%s)", key, i, c.Type)
		// The parts are asked for first, so that the feed starts before the adapter and stops after it.
		publish := func(_ *live.Parts, it P) configured[P] {
			return configured[P]{i, live.Named[P]{At: at, Name: c.Type, It: it}}
		}
		modules = append(modules, registered(all, c.Type).Module(at, c.Options,
			fx.Provide(func(p *live.Parts) route.Authorizer { return p.Authorize }, fx.Private),
			fx.Provide(fx.Annotate(publish, fx.ParamTags("", nameTag(at)), fx.ResultTags(`group:"configured"`)))))
	}
	return fx.Options(modules...)
}

// registered returns the registration of a name, which the schema has found before.
func registered[P any](all []adapter.Registration[P], name string) adapter.Registration[P] {
	return all[slices.IndexFunc(all, func(r adapter.Registration[P]) bool { return r.Name == name })]
}

func nameTag(name string) string { return `name:"` + name + `"` }

// inListOrder returns what a value group has, which is in no order, in the order of the configuration.
func inListOrder[P any](list []configured[P]) []live.Named[P] {
	slices.SortFunc(list, func(a, b configured[P]) int { return a.index - b.index })
	var named []live.Named[P]
	for _, c := range list {
		named = append(named, c.Named)
	}
	return named
}
