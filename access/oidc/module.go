package oidc

import "github.com/motacilla-live/motacilla/access"

// Module registers the authenticator as "oidc".
var Module = access.Register(name, Defaults(), New)
