package local

import "github.com/motacilla-live/motacilla/media"

// Module registers the media store as "local".
var Module = media.Register("local", &Options{Path: DefaultPath}, New)
