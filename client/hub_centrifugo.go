package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// centrifugo speaks the JSON form of Centrifugo's client protocol (centrifugal.dev/docs/transports/client_protocol). A message has one
// or more replies, each on a line.
type centrifugo struct {
	*talk
	ping time.Duration // the hub sends something at least that often; 0 if it does not say
	pong bool          // the hub wants answers to its pings
}

func newCentrifugo(t *talk) dialect { return &centrifugo{talk: t} }

// The numbers of the commands.
const (
	connectCommand = iota + 1
	subscribeCommand
)

// centrifugoReply is the answer to a command, or a push, or a ping, in which all is empty.
type centrifugoReply struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Connect *struct {
		Ping int64                      `json:"ping"` // seconds
		Pong bool                       `json:"pong"`
		Subs map[string]json.RawMessage `json:"subs"` // what the token has subscribed to
	} `json:"connect"`
	Subscribe json.RawMessage `json:"subscribe"`
	Push      *struct {
		Channel string `json:"channel"`
		Pub     *struct {
			Data json.RawMessage `json:"data"`
		} `json:"pub"`
		Unsubscribe *struct {
			Code   int    `json:"code"`
			Reason string `json:"reason"`
		} `json:"unsubscribe"`
		Disconnect *struct {
			Code   int    `json:"code"`
			Reason string `json:"reason"`
		} `json:"disconnect"`
	} `json:"push"`
}

func (c *centrifugo) open() error {
	type connect struct {
		Token string `json:"token,omitempty"`
		Name  string `json:"name"`
	}
	return c.send(struct {
		ID      int     `json:"id"`
		Connect connect `json:"connect"`
	}{connectCommand, connect{c.token, "motacilla"}})
}

func (c *centrifugo) rhythm() (quiet time.Duration, ping []byte) { return c.ping, nil }

func (c *centrifugo) take(message []byte) error {
	for line := range bytes.Lines(message) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var r centrifugoReply
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("it does not speak Centrifugo's protocol: %w", err)
		}
		if err := c.reply(&r); err != nil {
			return err
		}
	}
	return nil
}

func (c *centrifugo) reply(r *centrifugoReply) error {
	switch {
	case r.Error != nil:
		return fmt.Errorf("error %d (%.200s)", r.Error.Code, r.Error.Message)
	case r.Connect != nil:
		c.ping, c.pong = time.Duration(max(0, min(r.Connect.Ping, int64(longestStay/time.Second))))*time.Second, r.Connect.Pong
		if _, ok := r.Connect.Subs[c.channel]; ok {
			c.subscribed()
			return nil
		}
		return c.subscribe()
	case r.ID == subscribeCommand:
		c.subscribed()
	case r.Push != nil:
		return c.push(r)
	case r.ID == 0 && c.pong:
		return c.send(struct{}{})
	}
	return nil
}

func (c *centrifugo) subscribe() error {
	type subscribe struct {
		Channel string `json:"channel"`
		Token   string `json:"token,omitempty"`
	}
	return c.send(struct {
		ID        int       `json:"id"`
		Subscribe subscribe `json:"subscribe"`
	}{subscribeCommand, subscribe{c.channel, c.subscription}})
}

func (c *centrifugo) push(r *centrifugoReply) error {
	switch p := r.Push; {
	case p.Disconnect != nil:
		return fmt.Errorf("it ends the connection: %d (%.200s)", p.Disconnect.Code, p.Disconnect.Reason)
	case p.Channel != c.channel:
	case p.Unsubscribe != nil:
		return fmt.Errorf("it ends the subscription: %d (%.200s)", p.Unsubscribe.Code, p.Unsubscribe.Reason)
	case p.Pub != nil:
		c.message(p.Pub.Data)
	}
	return nil
}
