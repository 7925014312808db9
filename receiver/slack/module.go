package slack

import "github.com/motacilla-live/motacilla/receiver"

// Module registers the receiver as "slack".
var Module = receiver.Register(Name, Defaults(), New)
