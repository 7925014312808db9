package app

import (
	"errors"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/adapter"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// registrations is what the first phase reads: which adapters there are, and where the configuration comes from.
type registrations struct {
	fx.In

	Stores     []adapter.Registration[storage.Store]        `group:"adapters"`
	Media      []adapter.Registration[media.Store]          `group:"adapters"`
	Embeds     []adapter.Registration[media.Embeds]         `group:"adapters"`
	Publishers []adapter.Registration[publisher.Publisher]  `group:"adapters"`
	Receivers  []adapter.Registration[receiver.Receiver]    `group:"adapters"`
	Access     []adapter.Registration[access.Authenticator] `group:"adapters"`
	Tracing    []adapter.Registration[live.Traces]          `group:"adapters"`
	Input      *Input                                       `optional:"true"`
	Arguments  *arguments                                   `optional:"true"`
}

// errRead ends the graph of the first phase.
var errRead = errors.New("the registrations are read")

// read returns the registrations among opts. It builds a graph of opts whose first invocation takes the registrations and
// fails. Thus no other invocation runs, and no constructor but that of an *Input.
func read(opts []fx.Option) (r registrations, err error) {
	take := func(in registrations) error {
		r = in
		return errRead
	}
	first := fx.Module("registrations", fx.Invoke(take)) // invocations of modules run first
	err = fx.New(first, fx.Options(opts...), fx.NopLogger).Err()
	if errors.Is(err, errRead) {
		return r, nil
	}
	return r, plain(err)
}

func (r registrations) schema() (*Schema, error) {
	return newSchema(adapters{
		stores: components(r.Stores), media: components(r.Media), embeds: components(r.Embeds), publishers: components(r.Publishers),
		receivers: components(r.Receivers), access: components(r.Access), tracing: components(r.Tracing),
	})
}

func components[P any](list []adapter.Registration[P]) []component {
	var all []component
	for _, a := range list {
		all = append(all, component{a.Name, a.Defaults})
	}
	return all
}

// load reads the configuration, with the program's arguments above what the app gives.
func (r registrations) load() (*Config, error) {
	schema, err := r.schema()
	if err != nil {
		return nil, err
	}
	var input Input
	if r.Input != nil {
		input = *r.Input
	}
	if r.Arguments != nil {
		if input, err = r.Arguments.over(input, schema); err != nil {
			return nil, err
		}
	}
	c, err := schema.Load(input)
	if err != nil {
		return nil, err
	}
	return c, c.readSecrets()
}
