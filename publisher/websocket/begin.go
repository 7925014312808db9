package websocket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/publisher"
)

// begin upgrades and carries the stream to its end, or hands it over.
func (p *Publisher) begin(w http.ResponseWriter, r *http.Request, s *publisher.Stream) {
	taken := &hijacker{ResponseWriter: w, stall: p.streams.Stall()}
	conn, err := p.upgrader.Upgrade(taken, r, nil)
	if err != nil { // answered
		s.Close()
		return
	}
	first := s.First.Encode(message)
	if s.CanJoin(taken.conn.Conn) && !p.options.Goroutines {
		s.Join(taken.conn.Conn, append(taken.conn.head, first...), &incoming{})
		return
	}
	go p.carry(conn, taken.conn, s) // net/http's goroutine has a deep stack, and buffers
}

// carry is the general way: one goroutine writes, another one reads.
func (p *Publisher) carry(conn *gorilla.Conn, out *serial, s *publisher.Stream) {
	defer s.Close()
	defer s.OnCut(func() { _ = out.Conn.Close() })()
	ctx, cancel := context.WithCancel(context.Background())
	out.open()
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		read(conn)
	})
	begun := false
	end := s.Run(ctx, func(step *publisher.Delta) error {
		format := message
		if begun && step.Heartbeat() {
			format = heartbeat
		}
		begun = true
		_, err := out.Write(step.Encode(format))
		return err
	})
	if end != publisher.EndLeft {
		if _, err := out.Write(closeMessage(end)); err == nil {
			_ = conn.SetReadDeadline(time.Now().Add(linger)) // the peer closes, or is closed
			reading.Wait()
		}
	}
	if out.said() { // here or, of what the reader sent, in gorilla
		out.leave()
	}
	_ = conn.Close()
	reading.Wait()
}

// read takes what the reader sends, answers its control frames, and returns when the connection is over.
func read(conn *gorilla.Conn) {
	conn.SetReadLimit(mostMessage)
	var count incoming // for its counter
	limited := func(then func(string) error) func(string) error {
		return func(data string) error {
			if count.tooMany(time.Now()) {
				shut(conn, gorilla.ClosePolicyViolation, "too many control frames")
				return errTooMany
			}
			return then(data)
		}
	}
	conn.SetPingHandler(limited(conn.PingHandler()))
	conn.SetPongHandler(limited(conn.PongHandler()))
	for {
		kind, reader, err := conn.NextReader()
		var body []byte
		if err == nil {
			body, err = io.ReadAll(reader)
		}
		if errors.Is(err, gorilla.ErrReadLimit) { // gorilla has said so, but for a length that is out of range
			shut(conn, gorilla.CloseProtocolError, outOfRange)
		}
		if err != nil {
			return
		}
		if kind == gorilla.TextMessage && !utf8.Valid(body) {
			shut(conn, gorilla.CloseInvalidFramePayloadData, notUTF8)
			return
		}
	}
}

var errTooMany = errors.New("too many control frames")

func shut(conn *gorilla.Conn, code int, reason string) {
	_ = conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(linger))
}

// hijacker gives gorilla a connection whose writes we take part in.
type hijacker struct {
	http.ResponseWriter
	stall time.Duration
	conn  *serial
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = &serial{Conn: conn, deadline: publisher.Deadline{Set: conn.SetWriteDeadline, Stall: h.stall}}
	return h.conn, buf, nil
}

// serial is a connection on which updates, which are whole frames, and gorilla's own control frames follow each other.
// Until it is opened it keeps what is written: the answer to the upgrade, which goes out with the first update.
type serial struct {
	net.Conn

	mu       sync.Mutex
	deadline publisher.Deadline
	opened   bool
	closed   bool // the close frame is written, after which nothing may follow (RFC 6455, section 5.5.1)
	head     []byte
}

func (c *serial) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = true
}

// Write writes b, with a deadline of its own.
func (c *serial) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.opened {
		c.head = append(c.head, b...)
		return len(b), nil
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	c.closed = b[0] == 0x80|gorilla.CloseMessage
	before := len(c.head)
	if before > 0 {
		b, c.head = append(c.head, b...), nil
	}
	c.deadline.Extend()
	n, err := c.Conn.Write(b)
	return max(n-before, 0), err
}

// said reports whether a close frame was written.
func (c *serial) said() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// leave waits for the peer to close, and throws away what it sends: to close a socket with something left to read would
// reset it, and the close frame might be lost.
func (c *serial) leave() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.Copy(io.Discard, c.Conn)
}

// SetWriteDeadline leaves the deadline to Write.
func (c *serial) SetWriteDeadline(time.Time) error { return nil }
