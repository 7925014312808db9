package followers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
)

// WebSocket reads one WebSocket connection from its beginning to its end with gorilla's client, at an http or https URL.
// It asks with ?since. Of the close codes, 1000 and 1001 are an end, 1008 is ErrForbidden, 1013 ErrUnavailable, and 4404
// ErrNotFound; a message that is no text, or not UTF-8, is an error. It accepts compressed messages.
func WebSocket(ctx context.Context, at string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return webSocket(ctx, at, since, true)
}

// WebSocketPlain is [WebSocket] without compression.
func WebSocketPlain(ctx context.Context, at string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return webSocket(ctx, at, since, false)
}

func webSocket(ctx context.Context, at string, since motacilla.Revision, packed bool) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		u, err := address(at, since)
		if err != nil {
			yield(nil, err)
			return
		}
		conn, release, err := dial(ctx, u, packed)
		if err != nil {
			yield(nil, err)
			return
		}
		defer release()
		for {
			u, err := message(conn)
			if ctx.Err() != nil || gorilla.IsCloseError(err, gorilla.CloseNormalClosure, gorilla.CloseGoingAway) {
				return
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	}
}

// dial connects. The connection is closed when ctx ends, in the handshake too, where gorilla does not look at ctx; and
// by release.
func dial(ctx context.Context, u *url.URL, packed bool) (*gorilla.Conn, func(), error) {
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	var stop func() bool
	dialer := gorilla.Dialer{HandshakeTimeout: time.Minute, EnableCompression: packed}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok { // which a test may have told whom to trust
		dialer.TLSClientConfig = transport.TLSClientConfig
	}
	dialer.NetDialContext = func(dialing context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialing, network, addr)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	conn, resp, err := dialer.DialContext(ctx, u.String(), nil)
	if err != nil {
		if stop != nil {
			stop()
		}
		if errors.Is(err, gorilla.ErrBadHandshake) && resp != nil {
			err = refusal(resp)
		}
		return nil, nil, err
	}
	conn.SetReadLimit(largest)
	return conn, func() {
		stop()
		_ = conn.Close()
	}, nil
}

// message returns the next update.
func message(conn *gorilla.Conn) (*motacilla.Update, error) {
	data, err := text(conn)
	if err != nil {
		return nil, err
	}
	return decode(data)
}

// text returns the next message.
func text(conn *gorilla.Conn) ([]byte, error) {
	kind, data, err := conn.ReadMessage()
	switch {
	case gorilla.IsCloseError(err, gorilla.ClosePolicyViolation):
		return nil, fmt.Errorf("%w: %w", motacilla.ErrForbidden, err)
	case gorilla.IsCloseError(err, gorilla.CloseTryAgainLater):
		return nil, fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
	case gorilla.IsCloseError(err, 4404):
		return nil, fmt.Errorf("%w: %w", motacilla.ErrNotFound, err)
	case err != nil:
		return nil, err
	case kind != gorilla.TextMessage || !utf8.Valid(data):
		return nil, fmt.Errorf("a message of type %d that is no text: %.80q", kind, data)
	}
	return data, nil
}
