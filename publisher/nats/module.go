package nats

import "github.com/motacilla-live/motacilla/publisher"

// Module registers the publisher as "nats".
var Module = publisher.Register(name, Defaults(), New)
