package publisher

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Move is what a reader is told for whom a stream has no slot, and who is to use another transport for a while. Its JSON is the same
// over every transport. Times are in seconds.
type Move struct {
	Transport string `json:"transport"` // in the list of transports, such as interval-polling
	For       int    `json:"for"`       // after which the reader should come back to this transport
	Retry     int    `json:"retry"`     // after which a reader that can't use the other one may come again
}

// MoveOf returns what err, an error of [Feed.Acquire] or [Streams.Open], says of another transport.
func MoveOf(err error) (m Move, is bool) {
	var retry *motacilla.RetryError
	if !errors.As(err, &retry) || retry.Instead == "" {
		return Move{}, false
	}
	return Move{retry.Instead, seconds(retry.For), seconds(retry.After)}, true
}

// JSON returns m in JSON, without a line break.
func (m Move) JSON() []byte {
	b, _ := json.Marshal(m) // a text and two numbers always encode
	return b
}

// seconds returns d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
