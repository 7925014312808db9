package pusher_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// frame is a message of Pusher's protocol. Its data is a text that has JSON, as a rule.
type frame struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// subscription is what a client of the protocol subscribes to.
type subscription struct {
	Channel string `json:"channel"`
	Auth    string `json:"auth,omitempty"`
}

// subscribe follows a channel by the name that it has at the hub, as a client of the protocol does. auth makes the token, unless it
// is nil.
func subscribe(
	ctx context.Context, addr, channel string, auth func(socketID string) (string, error), ready func(),
) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+addr+"/app/"+realserver.SoketiKey+"?protocol=7&client=test&version=1", nil)
		if err != nil {
			yield(nil, err)
			return
		}
		_ = resp.Body.Close()
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
		for {
			var f frame
			if err := conn.ReadJSON(&f); err != nil {
				yield(nil, err)
				return
			}
			u, err := answer(conn, &f, channel, auth, ready)
			if err != nil || u != nil {
				if !yield(u, err) || err != nil {
					return
				}
			}
		}
	}
}

// answer does what a client does with a message, and returns the update that it has, if any.
func answer(
	conn *websocket.Conn, f *frame, channel string, auth func(socketID string) (string, error), ready func(),
) (*motacilla.Update, error) {
	switch f.Event {
	case "pusher:connection_established":
		var established struct {
			SocketID string `json:"socket_id"`
		}
		s := subscription{Channel: channel}
		err := inText(f.Data, &established)
		if err == nil && auth != nil {
			s.Auth, err = auth(established.SocketID)
		}
		if err != nil {
			return nil, err
		}
		return nil, conn.WriteJSON(map[string]any{"event": "pusher:subscribe", "data": s})
	case "pusher_internal:subscription_succeeded":
		ready()
		return nil, nil
	case "pusher:ping":
		return nil, conn.WriteJSON(frame{Event: "pusher:pong"})
	case "update":
		if f.Channel != channel {
			return nil, fmt.Errorf("an event of channel %s", f.Channel)
		}
		u := &motacilla.Update{}
		return u, inText(f.Data, u)
	}
	return nil, fmt.Errorf("the hub sends %s: %s", f.Event, f.Data)
}

// inText decodes JSON that is in a text.
func inText(data json.RawMessage, into any) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}
