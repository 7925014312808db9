package live

import (
	"net/http"
	"time"
)

const (
	// mostStreams is how many requests one browser may have under way. It holds a hundred channels, and the pages and images of
	// some tabs. Browsers keep further requests back until one of these has ended.
	mostStreams = 250
	// readFrame is the size of the buffer that a connection keeps for what it reads. Browsers send no larger frames.
	readFrame = 16 << 10
)

// HTTP2 returns settings of HTTP/2 for an [http.Server] that serves streams. stall is that of the feed; 0 is its default, 15 s.
//
// A connection that takes no byte for stall is closed. Without that, one whose reader has stopped reading would be kept for as
// long as the reader's system answers, with all its streams. A connection that has sent nothing for twice stall is asked
// whether it is there, and is closed if it does not answer within stall: a phone without a network says nothing when it leaves.
func HTTP2(stall time.Duration) *http.HTTP2Config {
	if stall <= 0 {
		stall = defaultStall
	}
	return &http.HTTP2Config{
		MaxConcurrentStreams: mostStreams, MaxReadFrameSize: readFrame,
		WriteByteTimeout: stall, SendPingTimeout: 2 * stall, PingTimeout: stall,
	}
}

const defaultStall = 15 * time.Second
