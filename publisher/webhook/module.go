package webhook

import "github.com/motacilla-live/motacilla/publisher"

// Module registers the publisher as "webhook". Each entry of publishers is a target.
var Module = publisher.Register(name, configuration(), New)
