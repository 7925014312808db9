package followers

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strings"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	r3labs "github.com/r3labs/sse/v2"
)

// Many returns a Follow that reads a channel as one of several on a connection for server-sent events. The others are read too, and
// their updates dropped.
func Many(others ...motacilla.ChannelID) publishertest.Follow {
	return func(ctx context.Context, at string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
		return func(yield func(*motacilla.Update, error) bool) {
			u, one, err := several(at, since, others)
			if err != nil {
				yield(nil, err)
				return
			}
			client := r3labs.NewClient(u.String(), r3labs.ClientMaxBufferSize(largest))
			events(ctx, client, func(e *r3labs.Event) (*motacilla.Update, error) {
				return one.message(string(e.Event), e.Data)
			}, yield)
		}
	}
}

// ManyWebSocket is [Many] for WebSocket.
func ManyWebSocket(others ...motacilla.ChannelID) publishertest.Follow {
	return manyWebSocket(others, false)
}

// ManySubscribed is ManyWebSocket for a reader that subscribes when it is connected.
func ManySubscribed(others ...motacilla.ChannelID) publishertest.Follow {
	return manyWebSocket(others, true)
}

func manyWebSocket(others []motacilla.ChannelID, later bool) publishertest.Follow {
	return func(ctx context.Context, at string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
		return func(yield func(*motacilla.Update, error) bool) {
			u, one, err := several(at, since, others)
			if later && err == nil {
				u.RawQuery = ""
			}
			var conn *gorilla.Conn
			release := func() {}
			if err == nil {
				conn, release, err = dial(ctx, u, true)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			defer release()
			if later {
				subscribe(conn, one.channel, since, others)
			}
			for {
				data, err := text(conn)
				if ctx.Err() != nil || gorilla.IsCloseError(err, gorilla.CloseNormalClosure, gorilla.CloseGoingAway) {
					return
				}
				var u *motacilla.Update
				if err == nil {
					u, err = one.message(kind(data), data)
				}
				if u == nil && err == nil {
					continue
				}
				if !yield(u, err) || err != nil || u.Gone {
					return
				}
			}
		}
	}
}

func subscribe(conn *gorilla.Conn, ch motacilla.ChannelID, since motacilla.Revision, others []motacilla.ChannelID) {
	want := map[motacilla.ChannelID]*motacilla.Revision{}
	for _, other := range others {
		want[other] = nil
	}
	want[ch] = &since
	_ = conn.WriteJSON(map[string]any{"subscribe": want}) // if it fails, reading fails too
}

// kind returns the name of a notice; it is empty for an update.
func kind(data []byte) string {
	var message map[string]json.RawMessage
	_ = json.Unmarshal(data, &message) // what is no JSON is no notice
	for _, name := range []string{"subscribed", "unsubscribed", "refused", "error", "heartbeat"} {
		if _, is := message[name]; is {
			return name
		}
	}
	return ""
}

// one is the channel that counts.
type one struct {
	channel motacilla.ChannelID
	cursor  motacilla.Revision
	begun   bool
}

// several returns the address for a channel and others, from that of the channel alone.
func several(at string, since motacilla.Revision, others []motacilla.ChannelID) (*url.URL, *one, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, nil, err
	}
	dir, last := path.Split(strings.TrimSuffix(u.Path, "/"))
	ch := motacilla.ChannelID(last)
	var list []string
	for _, other := range others {
		if other != ch {
			list = append(list, string(other)+",0")
		}
	}
	u.Path, u.RawPath = dir, ""
	u.RawQuery = url.Values{"c": append(list, fmt.Sprintf("%s,%d", ch, int64(since)))}.Encode()
	return u, &one{channel: ch, cursor: since}, nil
}

// message returns the channel's update, if the message has one. A heartbeat of the connection is one of the channel, once the channel
// has had an update.
func (o *one) message(name string, data []byte) (*motacilla.Update, error) {
	switch name {
	case "":
		u, err := decode(data)
		if err != nil || u.Channel != o.channel {
			return nil, err
		}
		o.begun, o.cursor = true, u.Revision
		return u, nil
	case "heartbeat":
		if !o.begun {
			return nil, nil
		}
		return &motacilla.Update{Channel: o.channel, From: o.cursor, Revision: o.cursor}, nil
	case "subscribed", "unsubscribed":
		return nil, nil
	case "refused":
		return nil, o.refused(data)
	}
	return nil, fmt.Errorf("a message of the type %q: %s", name, data)
}

// refused returns the error of a channel that is refused; nil if it is another one.
func (o *one) refused(data []byte) error {
	var notice struct {
		Refused struct {
			Channel motacilla.ChannelID
			Status  int
		}
	}
	if err := json.Unmarshal(data, &notice); err != nil {
		return fmt.Errorf("%w in %s", err, data)
	}
	if notice.Refused.Channel != o.channel {
		return nil
	}
	switch notice.Refused.Status {
	case http.StatusNotFound:
		return motacilla.ErrNotFound
	case http.StatusForbidden:
		return motacilla.ErrForbidden
	case http.StatusServiceUnavailable:
		return motacilla.ErrUnavailable
	}
	return fmt.Errorf("refused: %s", data)
}
