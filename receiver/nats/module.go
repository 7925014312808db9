package nats

import "github.com/motacilla-live/motacilla/receiver"

// Module registers the receiver as "nats". Each entry of receivers is a source.
var Module = receiver.Register(name, defaults(), New)
