package app

import (
	"net/http"

	"github.com/motacilla-live/motacilla/live"
)

// http2Config returns the server's settings of HTTP/2, for [http.Server.HTTP2].
func (c *Config) http2Config() *http.HTTP2Config { return live.HTTP2(c.Feed.Stall) }
