package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	gorilla "github.com/gorilla/websocket"
)

const upgradeLines = "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\n" +
	"proxy_set_header Connection \"upgrade\";\nproxy_set_header Host $host;"

// webSocket opens a WebSocket as a page of the server does, and as a page of the other origin if one is given.
func (d *doctor) webSocket(ctx context.Context) []Check {
	first, beat := Check{Name: "websocket", Status: NotTested}, Check{Name: "websocket-heartbeat", Status: NotTested}
	u := d.offers["websocket"]
	if u == nil {
		first.Seen = "websocket is not offered"
		beat.Seen = first.Seen
		return []Check{first, beat}
	}
	beat.Seen = "the WebSocket did not open"
	if d.o.Origin != "" {
		conn, err := d.dial(ctx, u, d.o.Origin)
		if err != nil {
			return []Check{notUpgraded(first, err, d.o.Origin, false), beat}
		}
		_ = conn.Close()
	}
	began := time.Now()
	conn, err := d.dial(ctx, u, d.own())
	if err != nil {
		return []Check{notUpgraded(first, err, d.own(), true), beat}
	}
	alive, stop := listen(ctx, conn)
	defer stop()
	if err := within(alive, d.o.Quick); err != nil {
		first.Status = Failure
		first.Seen = fmt.Sprintf("it opened, but no update came: %v", err)
		first.Change, first.Nginx = "pass on at once what the server sends", upgradeLines
		return []Check{first, beat}
	}
	first.Status, first.Seen = OK, fmt.Sprintf("it opened, and the first update came, after %s", seconds(time.Since(began)))
	if d.o.Fast {
		beat.Seen = "left out (--fast)"
		return []Check{first, beat}
	}
	began = time.Now()
	return []Check{first, heartbeat(beat, within(alive, d.o.Heartbeat), time.Since(began), d.o.Heartbeat)}
}

// refusedUpgrade is the error of an answer that is no upgrade.
type refusedUpgrade struct {
	code   int
	status string
}

func (e *refusedUpgrade) Error() string { return e.status }

func (d *doctor) dial(ctx context.Context, u *url.URL, origin string) (*gorilla.Conn, error) {
	target := *u
	switch target.Scheme {
	case "http":
		target.Scheme = "ws"
	case "https":
		target.Scheme = "wss"
	}
	q := target.Query()
	q.Set("since", d.head.String())
	target.RawQuery = q.Encode()
	dialer := gorilla.Dialer{
		Proxy: d.o.Transport.Proxy, NetDialContext: d.o.Transport.DialContext,
		TLSClientConfig: d.o.Transport.TLSClientConfig, HandshakeTimeout: d.o.Quick,
	}
	header := http.Header{"Origin": {origin}}
	if d.o.Token != "" && target.Host == d.base.Host {
		header.Set("Authorization", "Bearer "+d.o.Token)
	}
	conn, resp, err := dialer.DialContext(ctx, target.String(), header)
	if resp != nil {
		defer resp.Body.Close() // the body of an upgrade is empty, any other was read
	}
	if errors.Is(err, gorilla.ErrBadHandshake) && resp != nil {
		return nil, &refusedUpgrade{resp.StatusCode, resp.Status}
	}
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxAnswer)
	return conn, nil
}

// listen sends nil for each message or ping, and the error when the connection ends. stop closes the connection and
// waits.
func listen(ctx context.Context, conn *gorilla.Conn) (signs <-chan error, stop func()) {
	heard := make(chan error, 1)
	tell := func(err error) {
		select {
		case heard <- err:
		default: // another one is waiting already
		}
	}
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		tell(nil)
		return pong(data)
	})
	unwatch := context.AfterFunc(ctx, func() { _ = conn.Close() })
	var reading sync.WaitGroup
	reading.Go(func() {
		for err := error(nil); err == nil; tell(err) {
			_, _, err = conn.ReadMessage()
		}
	})
	return heard, func() {
		unwatch()
		_ = conn.Close()
		reading.Wait()
	}
}

// within returns the next of signs, or errNoEvent.
func within(signs <-chan error, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case err := <-signs:
		return err
	case <-timer.C:
		return errNoEvent
	}
}

// notUpgraded returns the check of a WebSocket that did not open.
func notUpgraded(c Check, err error, origin string, own bool) Check {
	c.Status = Failure
	var refused *refusedUpgrade
	switch {
	case !errors.As(err, &refused):
		c.Seen = fmt.Sprintf("it does not open: %v", err)
		c.Change, c.Nginx = "pass the upgrade on to the server", upgradeLines
	case refused.code == http.StatusForbidden && own:
		c.Seen = "a page of " + origin + " itself is refused (403): the server gets another host's name"
		c.Change = "pass the Host header on to the server as the browser sends it"
		c.Nginx = "proxy_set_header Host $host;   # $http_host if the port is not the usual one"
	case refused.code == http.StatusForbidden:
		c.Seen = "scripts of " + origin + " are refused (403)"
		c.Change = "list it: server.origins: [" + origin + "]"
	default:
		c.Seen = "the upgrade does not come through: it is answered with " + refused.status
		c.Change, c.Nginx = "pass the upgrade on to the server", upgradeLines
	}
	return c
}
