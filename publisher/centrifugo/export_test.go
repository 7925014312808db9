package centrifugo

import "github.com/motacilla-live/motacilla/publisher/relay"

// NewHub returns what the relay pushes to.
func NewHub(kit *relay.Kit, o *Options) (relay.Hub, error) { return newHub(kit.Hubs, o.withDefaults()) }
