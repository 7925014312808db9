package webpush

import "github.com/motacilla-live/motacilla/publisher"

// Module registers the publisher as "web-push".
var Module = publisher.Register(name, Defaults(), New)
