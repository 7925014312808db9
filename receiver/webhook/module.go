package webhook

import "github.com/motacilla-live/motacilla/receiver"

// Module registers the receiver as "webhook". Each entry of receivers is a source.
var Module = receiver.Register(Name, defaults(), New)
