package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
)

// webSocketTransport reads messages from a WebSocket (RFC 6455).
type webSocketTransport struct{}

// The server's own close codes.
const (
	closeNoChannel = 4404 // the channel does not exist
	closeMoved     = 4503 // the server has too many readers; the reason says which transport to use
)

var errBroken = errors.New("the connection broke")

// pongWait is how long writing the answer to a ping, or another message, may take.
const pongWait = 5 * time.Second

func (webSocketTransport) read(ctx context.Context, s *session) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	conn, err := s.dial(ctx, s.question(), s.authorization(s.address))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	conn.SetReadLimit(int64(s.o.MaxUpdate))
	patient := func() { _ = conn.SetReadDeadline(time.Now().Add(s.o.silence())) } // if it fails, reading fails too
	conn.SetPingHandler(func(data string) error {
		// If the pong can't be written, reading fails too.
		_ = conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(pongWait))
		patient()
		return nil
	})
	s.subject.opened(func(message []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(pongWait)) // if it fails, writing fails too
		return conn.WriteMessage(websocket.TextMessage, message)
	})
	for {
		message, err := next(conn, patient, s.o.MaxUpdate)
		if err != nil {
			return closed(ctx, err, !s.delivered)
		}
		if message == nil {
			continue
		}
		more, err := s.subject.message(s, "", message)
		if err != nil {
			return err
		}
		if !more {
			normal := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = conn.WriteControl(websocket.CloseMessage, normal, time.Now().Add(time.Second))
			return nil
		}
	}
}

// next returns the next text message, or nil for a message of another kind. patient extends the read deadline. A message may have
// most bytes, also when it is decompressed.
func next(conn *websocket.Conn, patient func(), most int) ([]byte, error) {
	patient()
	kind, r, err := conn.NextReader()
	if err != nil || kind != websocket.TextMessage {
		return nil, err
	}
	var body bytes.Buffer
	for {
		patient()
		if _, err := io.CopyN(&body, r, 64<<10); errors.Is(err, io.EOF) {
			return body.Bytes(), nil
		} else if err != nil {
			return nil, err
		}
		if body.Len() > most {
			return nil, websocket.ErrReadLimit
		}
	}
}

// closed returns the error for the end of a connection. first must be true if no update came before it.
func closed(ctx context.Context, err error, first bool) error {
	var end *websocket.CloseError
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, websocket.ErrReadLimit):
		return &failure{err: errTooLong, unusable: true}
	case errors.As(err, &end):
	case errors.As(err, &timeout) && timeout.Timeout():
		return errSilent
	default:
		return err
	}
	switch code := end.Code; {
	case code == closeNoChannel:
		return fmt.Errorf("the server closed the connection with code %d: %w", code, motacilla.ErrNotFound)
	case code == closeMoved:
		return move([]byte(end.Text))
	case code == websocket.ClosePolicyViolation && first: // after an update, the permission may have expired
		return fmt.Errorf("the server closed the connection with code %d: %w", code, motacilla.ErrForbidden)
	case code == websocket.CloseNormalClosure, code == websocket.CloseGoingAway, code == websocket.ClosePolicyViolation:
		return nil
	case code == websocket.CloseAbnormalClosure: // there was no close message
		return errBroken
	}
	return fmt.Errorf("the server closed the connection with code %d (%s)", end.Code, end.Text)
}

// dial opens a connection to u, which it changes. authorization is that header; empty means none.
func (s *session) dial(ctx context.Context, u *url.URL, authorization string) (*websocket.Conn, error) {
	header := http.Header{"User-Agent": {s.options.UserAgent}}
	if authorization != "" {
		header.Set("Authorization", authorization)
	} else if u.User != nil {
		req := http.Request{Header: header}
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	u.User = nil
	if s.http.Jar != nil && len(s.http.Jar.Cookies(u)) > 0 {
		header.Set("Origin", u.Scheme+"://"+u.Host) // the server refuses cookies without an origin
	}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	conn, resp, err := s.dialer(ctx).DialContext(ctx, u.String(), header) //nolint:bodyclose // gorilla has read and closed it
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		if resp.StatusCode == http.StatusSwitchingProtocols || resp.StatusCode == http.StatusOK {
			return nil, &failure{err: errors.New("the answer is not a WebSocket handshake"), unusable: true}
		}
		return nil, refused(resp)
	}
	return nil, err
}

// dialer returns a dialer that connects as the HTTP client does. Its connections close when ctx ends. gorilla's dialer
// heeds ctx while it connects, and not while it waits for the answer.
func (s *session) dialer(ctx context.Context) *websocket.Dialer {
	var connect net.Dialer
	d := &websocket.Dialer{
		EnableCompression: true,
		Proxy:             http.ProxyFromEnvironment, NetDialContext: connect.DialContext, HandshakeTimeout: s.o.silence(), Jar: s.http.Jar,
	}
	if t, ok := s.plain.(*http.Transport); ok {
		d.Proxy = t.Proxy
		if t.DialContext != nil {
			d.NetDialContext = t.DialContext
		}
		if t.DialTLSContext != nil {
			d.NetDialTLSContext = closing(ctx, t.DialTLSContext)
		}
		if t.TLSClientConfig != nil {
			d.TLSClientConfig = t.TLSClientConfig.Clone()
			d.TLSClientConfig.NextProtos = []string{"http/1.1"} // gorilla has no WebSocket over HTTP/2
		}
	}
	d.NetDialContext = closing(ctx, d.NetDialContext)
	return d
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// closing returns a dial function whose connections close when ctx ends.
func closing(ctx context.Context, dial dialFunc) dialFunc {
	return func(c context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(c, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}
