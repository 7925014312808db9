package centrifugo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
)

// subscription is what a client of Centrifugo asks for.
type subscription struct {
	server     string
	at         string // address, as a ticket has it, instead of server
	channels   []string
	connection string            // token
	tokens     map[string]string // of channels, for a WebSocket
	ready      func()            // called when all channels are subscribed to
}

// message is what Centrifugo sends, in the JSON form of its client protocol.
type message struct {
	ID    int `json:"id"`
	Error *struct{ Code int }
	Push  *push `json:"push"`

	Connect *struct {
		Subs map[string]struct{} `json:"subs"`
	} `json:"connect"`
	Subscribe *struct{} `json:"subscribe"`
	push                // over a transport in one direction
}

type push struct {
	Channel     string `json:"channel"`
	Publication *struct {
		Data json.RawMessage `json:"data"`
	} `json:"pub"`
}

// publication is what a client gets.
type publication struct {
	channel string
	update  *motacilla.Update
}

func (p push) publication() (publication, error) {
	u := &motacilla.Update{}
	return publication{p.Channel, u}, json.Unmarshal(p.Publication.Data, u)
}

type publications = iter.Seq2[publication, error]

// address returns where to read server-sent events.
func (s *subscription) address() (string, error) {
	if s.at != "" {
		return s.at, nil
	}
	request := map[string]any{"token": s.connection}
	if s.connection == "" { // otherwise the token has the channels
		subs := map[string]struct{}{}
		for _, c := range s.channels {
			subs[c] = struct{}{}
		}
		request["subs"] = subs
	}
	query, err := json.Marshal(request)
	return s.server + "/connection/uni_sse?" + url.Values{"cf_connect": {string(query)}}.Encode(), err
}

// sse reads server-sent events in one direction (uni_sse). The channels are subscribed to with the connection.
func (s *subscription) sse(ctx context.Context) publications {
	return func(yield func(publication, error) bool) {
		if err := s.readSSE(ctx, func(p publication) bool { return yield(p, nil) }); err != nil && ctx.Err() == nil {
			yield(publication{}, err)
		}
	}
}

func (s *subscription) readSSE(ctx context.Context, take func(publication) bool) error {
	at, err := s.address()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for in := bufio.NewReader(resp.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var m message
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			return err
		}
		switch {
		case m.Connect != nil:
			if len(m.Connect.Subs) != len(s.channels) {
				return fmt.Errorf("%s, not subscribed to %v", strings.TrimSpace(data), s.channels)
			}
			s.ready()
		case m.Publication != nil:
			p, err := m.publication()
			if err != nil {
				return err
			}
			if !take(p) {
				return nil
			}
		case len(m.Channel) == 0 && strings.TrimSpace(data) != "{}":
			return fmt.Errorf("the server sends %s", data)
		}
	}
}

// webSocket speaks the client protocol over a WebSocket.
func (s *subscription) webSocket(ctx context.Context) publications {
	return func(yield func(publication, error) bool) {
		if err := s.readWebSocket(ctx, func(p publication) bool { return yield(p, nil) }); err != nil && ctx.Err() == nil {
			yield(publication{}, err)
		}
	}
}

func (s *subscription) readWebSocket(ctx context.Context, take func(publication) bool) error {
	dialer := websocket.Dialer{HandshakeTimeout: time.Minute}
	at := s.at
	if at == "" {
		at = "ws" + strings.TrimPrefix(s.server, "http") + "/connection/websocket"
	}
	conn, resp, err := dialer.DialContext(ctx, at, nil)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.WriteJSON(map[string]any{"id": 1, "connect": map[string]any{"token": s.connection}}); err != nil {
		return err
	}
	subscribed := 0
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		for text := range bytes.Lines(frame) {
			var m message
			if err := json.Unmarshal(text, &m); err != nil {
				return err
			}
			switch {
			case m.Error != nil:
				return fmt.Errorf("error %d for command %d", m.Error.Code, m.ID)
			case m.Connect != nil:
				for i, c := range s.channels {
					command := map[string]any{"channel": c, "token": s.tokens[c]}
					if err := conn.WriteJSON(map[string]any{"id": 2 + i, "subscribe": command}); err != nil {
						return err
					}
				}
			case m.Subscribe != nil:
				if subscribed++; subscribed == len(s.channels) {
					s.ready()
				}
			case m.Push != nil && m.Push.Publication != nil:
				p, err := m.Push.publication()
				if err != nil {
					return err
				}
				if !take(p) {
					return nil
				}
			case len(bytes.TrimSpace(text)) == 2: // {}: a ping, which is answered alike
				if err := conn.WriteMessage(websocket.TextMessage, []byte("{}")); err != nil {
					return err
				}
			}
		}
	}
}
