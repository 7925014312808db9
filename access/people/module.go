package people

import "github.com/motacilla-live/motacilla/access"

// Module registers the authenticator as "people".
var Module = access.Register(Name, Defaults(), New)
