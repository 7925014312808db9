package memory

import "github.com/motacilla-live/motacilla/media"

// Module registers the media store as "memory".
var Module = media.Register[struct{}]("memory", nil, New)
