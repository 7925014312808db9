package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// dialect is what a hub speaks over a WebSocket. Its methods are called on one goroutine.
type dialect interface {
	// open says what the client says first.
	open() error
	// take takes a message.
	take(message []byte) error
	// rhythm returns how long the hub may say nothing until the client sends it a message to which it answers; 0 is for ever. If ping
	// is nil, the hub itself sends something in that time.
	rhythm() (quiet time.Duration, ping []byte)
}

// talk is what a dialect needs.
type talk struct {
	*ticket
	sink
	send func(v any) error // sends v as JSON
	// permit gets Pusher's token of a subscription from ticket.auth.
	permit func(socket string) (token string, err error)
}

var errNoChannel = errors.New("the ticket does not name the channel at the hub")

// pongPatience is how long a hub's answer to a ping may take, and how late its own pings may be.
const pongPatience = 30 * time.Second

// followSocket returns the function that follows a hub over a WebSocket.
func followSocket(fresh func(t *talk) dialect) func(ctx context.Context, s *session, t *ticket, out sink) error {
	return func(ctx context.Context, s *session, t *ticket, out sink) error {
		if t.channel == "" {
			return errNoChannel
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		address := *t.hub
		conn, err := s.dial(ctx, &address, "")
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		conn.SetReadLimit(int64(s.o.MaxUpdate) + maxFraming)
		k := &socket{conn: conn}
		permit := func(id string) (string, error) { return s.permit(ctx, t, id) }
		d := fresh(&talk{ticket: t, sink: out, send: k.send, permit: permit})
		return k.converse(ctx, d, s.o.MaxUpdate+maxFraming)
	}
}

// socket is a WebSocket to a hub.
type socket struct {
	conn  *websocket.Conn
	write sync.Mutex // a ping may be due while something else is sent
}

func (k *socket) send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return k.sendText(text)
}

func (k *socket) sendText(text []byte) error {
	k.write.Lock()
	defer k.write.Unlock()
	_ = k.conn.SetWriteDeadline(time.Now().Add(pongWait)) // if it fails, writing fails too
	return k.conn.WriteMessage(websocket.TextMessage, text)
}

// converse speaks the dialect until the connection ends.
func (k *socket) converse(ctx context.Context, d dialect, most int) error {
	due := time.AfterFunc(time.Hour, func() {})
	defer func() { due.Stop() }()
	patient := func() {
		due.Stop()
		var end time.Time
		quiet, ping := d.rhythm()
		if quiet > 0 {
			end = time.Now().Add(quiet + pongPatience)
		}
		if quiet > 0 && ping != nil {
			due = time.AfterFunc(quiet, func() { _ = k.sendText(ping) }) // if it fails, reading fails too
		}
		_ = k.conn.SetReadDeadline(end) // if it fails, reading fails too
	}
	k.conn.SetPingHandler(func(data string) error {
		_ = k.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(pongWait))
		patient()
		return nil
	})
	if err := d.open(); err != nil {
		return err
	}
	for {
		message, err := next(k.conn, patient, most)
		if err != nil {
			return k.end(ctx, err)
		}
		if message == nil {
			continue
		}
		if err := d.take(message); err != nil {
			return err
		}
	}
}

// end returns the error for the end of a connection. Close codes are the hub's.
func (k *socket) end(ctx context.Context, err error) error {
	var closed *websocket.CloseError
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, websocket.ErrReadLimit):
		return errTooLong
	case errors.As(err, &closed) && closed.Code == websocket.CloseAbnormalClosure:
		return errBroken
	case errors.As(err, &closed):
		return fmt.Errorf("it closed the connection with code %d (%.200s)", closed.Code, closed.Text)
	case errors.As(err, &timeout) && timeout.Timeout():
		return errSilent
	}
	return err
}
