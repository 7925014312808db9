package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pusher speaks version 7 of Pusher's protocol (pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol).
type pusher struct {
	*talk
	quiet time.Duration // after which the client pings
}

func newPusher(t *talk) dialect { return &pusher{talk: t, quiet: usualQuiet} }

// The bounds of the time after which the client pings.
const (
	shortestQuiet = 10 * time.Second
	usualQuiet    = 2 * time.Minute
)

// pusherEvent is a message of the protocol.
type pusherEvent struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"` // text that is JSON itself, or JSON
}

func (p *pusher) open() error { return nil } // the hub speaks first

func (p *pusher) rhythm() (quiet time.Duration, ping []byte) {
	return p.quiet, []byte(`{"event":"pusher:ping","data":{}}`)
}

func (p *pusher) take(message []byte) error {
	var e pusherEvent
	if err := json.Unmarshal(message, &e); err != nil {
		return fmt.Errorf("it does not speak Pusher's protocol: %w", err)
	}
	data := e.payload()
	switch {
	case e.Event == "pusher:connection_established":
		return p.established(data)
	case e.Event == "pusher:ping":
		return p.send(pusherEvent{Event: "pusher:pong", Data: json.RawMessage("{}")})
	case e.Event == "pusher:error":
		var told struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}
		_ = json.Unmarshal(data, &told) // then it does not say which
		return fmt.Errorf("error %d (%.200s)", told.Code, told.Message)
	case e.Channel != p.channel:
	case e.Event == "pusher_internal:subscription_succeeded":
		p.subscribed()
	case e.Event == "pusher:subscription_error":
		return fmt.Errorf("it refuses the subscription: %.200s", data)
	case strings.HasPrefix(e.Event, "pusher"), strings.HasPrefix(e.Event, "client-"): // what other readers say is no update
	default:
		p.message(data)
	}
	return nil
}

// payload returns the JSON of the event's data.
func (e *pusherEvent) payload() []byte {
	var text string
	if err := json.Unmarshal(e.Data, &text); err == nil {
		return []byte(text)
	}
	return e.Data
}

// established subscribes.
func (p *pusher) established(data []byte) error {
	var hello struct {
		Socket   string `json:"socket_id"`
		Activity int64  `json:"activity_timeout"` // seconds
	}
	if err := json.Unmarshal(data, &hello); err != nil {
		return fmt.Errorf("it does not say which connection this is: %w", err)
	}
	if n := min(hello.Activity, int64(longestStay/time.Second)); n > 0 {
		p.quiet = max(shortestQuiet, time.Duration(n)*time.Second)
	}
	var subscribe struct {
		Channel string `json:"channel"`
		Auth    string `json:"auth,omitempty"`
	}
	subscribe.Channel = p.channel
	if p.auth != nil {
		var err error
		if subscribe.Auth, err = p.permit(hello.Socket); err != nil {
			return fmt.Errorf("the server gives no token for the subscription: %w", err)
		}
	}
	body, err := json.Marshal(subscribe)
	if err != nil {
		return err
	}
	return p.send(pusherEvent{Event: "pusher:subscribe", Data: body})
}

// maxPermit is the longest answer with the token of a subscription, in bytes.
const maxPermit = 64 << 10

// permit gets the token of a connection's subscription.
func (s *session) permit(ctx context.Context, t *ticket, socket string) (token string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.Timeout, errLate)
	defer cancel()
	form := url.Values{"socket_id": {socket}, "channel_name": {t.channel}, "channel_id": {string(s.subject.(*follower).channel)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.auth.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.http.Do(req)
	if err != nil {
		return "", asCause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", refused(resp)
	}
	var answer struct {
		Auth string `json:"auth"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPermit))
	if err != nil {
		return "", asCause(ctx, err)
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Auth == "" {
		return "", errors.New("there is none in its answer")
	}
	return answer.Auth, nil
}
