package crowd

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/coder/websocket"
	"github.com/motacilla-live/motacilla"
)

// socket reads by WebSocket.
func (r *reader) socket(ctx context.Context) error {
	o := &websocket.DialOptions{HTTPClient: r.http, CompressionMode: websocket.CompressionDisabled}
	if r.group.Coding == "deflate" {
		o.CompressionMode = websocket.CompressionNoContextTakeover
	}
	begin, cancel := context.WithTimeout(ctx, dialing)
	defer cancel()
	conn, resp, err := websocket.Dial(begin, r.target(), o)
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return r.refused(resp)
		}
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(4 << 20)
	r.begin()
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		s, err := r.take(b)
		if err != nil {
			return err
		}
		if r.group.Fidgets {
			if err := r.fidget(ctx, conn, s); err != nil {
				return err
			}
		}
	}
}

// fidget leaves the reader's first channel when its second one has something new, and follows it again when the server says that it
// does not any more. So the connection often has a request under way.
func (r *reader) fidget(ctx context.Context, conn *websocket.Conn, s *said) error {
	ask, ok := r.next(s)
	if !ok {
		return nil
	}
	b, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, b)
}

// asking is a message of the reader.
type asking struct {
	Subscribe   map[motacilla.ChannelID]motacilla.Revision `json:"subscribe,omitempty"`
	Unsubscribe []motacilla.ChannelID                      `json:"unsubscribe,omitempty"`
}

func (r *reader) next(s *said) (a asking, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.views[0]
	switch {
	case s.update != nil && s.update.Channel == r.views[1].channel && !first.off && !r.leaving && r.was:
		r.leaving = true
		a.Unsubscribe = []motacilla.ChannelID{first.channel}
	case slices.Contains(s.Unsubscribed, first.channel):
		r.leaving, first.off = false, true
		a.Subscribe = map[motacilla.ChannelID]motacilla.Revision{first.channel: first.cursor}
	case slices.Contains(s.Subscribed, first.channel):
		first.off = false
		return a, false
	default:
		return a, false
	}
	return a, true
}
