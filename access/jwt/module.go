package jwt

import (
	"github.com/motacilla-live/motacilla/access"
	"go.uber.org/fx"
)

// Module registers the authenticator as "jwt". Each entry of access is an issuer of tokens.
var Module = access.Register("jwt", Defaults(), func(o *Options, kit *access.Kit, life fx.Lifecycle) (*Authenticator, error) {
	a, err := New(kit, o)
	if err == nil {
		life.Append(fx.Hook{OnStop: a.Shutdown})
	}
	return a, err
})
