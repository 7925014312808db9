package app

import (
	"fmt"
	"slices"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/adapter"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// authenticator is one that the configuration names.
type authenticator struct {
	index int // in the configuration's list
	it    access.Authenticator
}

// accessModules makes the authenticators that the configuration names.
func accessModules(all []adapter.Registration[access.Authenticator], choices []Choice) fx.Option {
	var modules []fx.Option
	for i, c := range choices {
		at := fmt.Sprintf("access[%d] (%s)", i, c.Type)
		publish := func(it access.Authenticator) authenticator { return authenticator{i, it} }
		modules = append(modules, registered(all, c.Type).Module(at, c.Options,
			fx.Provide(fx.Annotate(publish, fx.ParamTags(nameTag(at)), fx.ResultTags(`group:"authenticators"`)))))
	}
	return fx.Options(modules...)
}

func newAccessKit(c *Config, records motacilla.Records, client *outbound.Client, log *zap.Logger) *access.Kit {
	return access.NewKit(&access.KitOptions{
		Records: records, Session: c.Server.Session, Audit: c.Server.Audit, Client: client, Logger: log.Named("access"),
	})
}

type accessIn struct {
	fx.In

	Kit            *access.Kit
	Token          *Token
	Hook           route.Authorizer `optional:"true"`
	Authenticators []authenticator  `group:"authenticators"`
}

// newAccess returns what decides who may do what; nil if the app has a hook of its own.
func newAccess(in accessIn) *access.Access {
	if in.Hook != nil {
		return nil
	}
	slices.SortFunc(in.Authenticators, func(a, b authenticator) int { return a.index - b.index })
	var list []access.Authenticator
	for _, a := range in.Authenticators {
		list = append(list, a.it)
	}
	return access.New(in.Kit, in.Token.Secret, list...)
}
