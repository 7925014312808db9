package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// ticket is what the server answers to who wants to follow a channel at a hub (docs/wire.md).
type ticket struct {
	update *motacilla.Update // what the reader lacks
	check  time.Duration     // when to ask again if the hub is silent

	protocol     string
	hub          *url.URL
	channel      string   // its name at the hub
	token        string   // of the connection
	subscription string   // token of the subscription
	auth         *url.URL // where to get that of Pusher's; nil if none is needed
}

// The bounds of ticket.check.
const (
	shortestCheck = time.Second
	usualCheck    = time.Minute
)

// ticket asks for a ticket. question has the reader's cursor.
func (f *follower) ticket(ctx context.Context, question *url.URL) (*ticket, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.options.Timeout, errLate)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, question.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return nil, asCause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refused(resp)
	}
	var body bytes.Buffer
	n, err := body.ReadFrom(io.LimitReader(resp.Body, int64(f.o.MaxUpdate)+maxFraming+1))
	switch {
	case err != nil:
		return nil, asCause(ctx, err)
	case n > int64(f.o.MaxUpdate)+maxFraming:
		return nil, &failure{err: errTooLong, unusable: true}
	}
	return f.decodeTicket(question, body.Bytes())
}

// decodeTicket parses a ticket that came from the URL at.
func (f *follower) decodeTicket(at *url.URL, body []byte) (*ticket, error) {
	var raw struct {
		Update json.RawMessage `json:"update"`
		Check  int64           `json:"check_ms"`
		Hub    struct {
			Protocol     string `json:"protocol"`
			URL          string `json:"url"`
			Channel      string `json:"channel"`
			Token        string `json:"token"`
			Subscription string `json:"subscription"`
			Auth         string `json:"auth"`
		} `json:"hub"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, malformed(err)
	}
	t := &ticket{
		check: usualCheck, protocol: raw.Hub.Protocol, channel: raw.Hub.Channel, token: raw.Hub.Token, subscription: raw.Hub.Subscription,
		hub: resolve(f.base, at, raw.Hub.URL), auth: resolve(f.base, at, raw.Hub.Auth),
	}
	if n := min(raw.Check, longestStay.Milliseconds()); n > 0 {
		t.check = max(shortestCheck, time.Duration(n)*time.Millisecond)
	}
	switch {
	case t.hub == nil:
		return nil, &failure{err: errors.New("the server does not say where the hub is"), unusable: true}
	case bytes.ContainsFunc([]byte(t.token), isControl):
		return nil, &failure{err: errors.New("the token for the hub has control characters"), unusable: true}
	}
	var err error
	t.update, err = f.decode(raw.Update)
	return t, err
}
