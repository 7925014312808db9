package syndication

import "github.com/motacilla-live/motacilla/receiver"

// Module registers the receiver as "syndication".
var Module = receiver.Register(Name, Defaults(), New)
