package nchan_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/nchan"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func TestMain(m *testing.M) { realserver.Main(m) }

// locations are those of docs/nchan.md, with a query too, and without authorisation.
const locations = `
	location ~ ^/publish/(.+)$ {
		if ($http_authorization != "Bearer publish-token") { return 403; }
		nchan_publisher http;
		nchan_channel_id $1;
	}
	location = /publish {
		nchan_publisher http;
		nchan_channel_id query/$arg_channel;
	}
	location ~ ^/live/(.+)$ {
		nchan_subscriber eventsource websocket longpoll;
		nchan_subscriber_first_message newest;
		nchan_channel_id $1;
	}
	location = /live {
		nchan_subscriber eventsource websocket longpoll;
		nchan_subscriber_first_message newest;
		nchan_channel_id query/$arg_channel;
	}
`

// maxBytes is small enough for the updates of the tests to exceed it.
const maxBytes = 20_000

// suite returns the hub for the tests: what is pushed to publish is read at follow.
func suite(n *realserver.Nchan, publish string, follow func(ctx context.Context, addr string, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error]) *publishertest.RelayHub {
	return &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			return nchan.New(kit, &nchan.Options{Options: o, URL: "http://" + n.Addr + publish, Token: "publish-token", MaxBytes: maxBytes})
		},
		Follow: func(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
			return follow(ctx, n.Addr, ch, ready)
		},
		Stop:     func(testing.TB) { n.Kill() },
		Start:    n.Restart,
		MaxBytes: maxBytes,
	}
}

// TestEventSource has the channel in the path, and readers use server-sent events.
func TestEventSource(t *testing.T) {
	n := realserver.NewNchan(t, locations)
	publishertest.RunRelay(t, suite(n, "/publish/{channel}", eventSource))
}

// TestWebSocket has the channel in the query, and readers use WebSocket.
func TestWebSocket(t *testing.T) {
	n := realserver.NewNchan(t, locations)
	publishertest.RunRelay(t, suite(n, "/publish?channel={channel}", webSocket))
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// eventSource reads server-sent events. Nchan begins with a comment when it has the subscriber.
func eventSource(ctx context.Context, addr string, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
	return read(ctx, "http://"+addr+"/live/"+string(ch), http.Header{}, ready)
}

func read(ctx context.Context, url string, header http.Header, ready func()) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			yield(nil, err)
			return
		}
		req.Header = header
		req.Header.Set("Accept", "text/event-stream")
		resp, err := client.Do(req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			yield(nil, errors.New(resp.Status))
			return
		}
		in := bufio.NewReader(resp.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				yield(nil, err)
				return
			}
			switch field, value, _ := strings.Cut(strings.TrimSpace(line), ":"); field {
			case "":
				if value != "" {
					ready()
				}
			case "event":
				yield(nil, fmt.Errorf("an event of a type: %s", value))
				return
			case "data":
				if u, err := parse([]byte(value)); !yield(u, err) || err != nil {
					return
				}
			}
		}
	}
}

// webSocket reads messages, each of which is an update.
func webSocket(ctx context.Context, addr string, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+addr+"/live?channel="+string(ch), nil)
		if err != nil {
			yield(nil, err)
			return
		}
		_ = resp.Body.Close()
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
		ready()
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				yield(nil, err)
				return
			}
			if u, err := parse(message); !yield(u, err) || err != nil {
				return
			}
		}
	}
}

func parse(message []byte) (*motacilla.Update, error) {
	var u motacilla.Update
	err := json.Unmarshal(message, &u)
	return &u, err
}
