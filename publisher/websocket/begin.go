package websocket

import (
	"bufio"
	"compress/flate"
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

// begin starts the stream on an upgraded connection.
func (p *Publisher) begin(conn *gorilla.Conn, out *serial, s *publisher.Stream, w *publisher.Wire) {
	if p.options.Goroutines || !s.CanJoin(out.Conn) {
		go p.carry(conn, out, s, w) // a new goroutine has a smaller stack than net/http's, and no buffers
		return
	}
	s.Join(out.Conn, append(out.head, w.Encode(s.First)...), &incoming{deflate: w == p.packed})
}

// carry writes the stream in its goroutine. Another one reads.
func (p *Publisher) carry(conn *gorilla.Conn, out *serial, s *publisher.Stream, w *publisher.Wire) {
	defer s.Close()
	defer s.OnCut(func() { _ = out.Conn.Close() })()
	ctx, cancel := context.WithCancel(context.Background())
	out.open()
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		read(conn, mostMessage, nil)
	})
	begun := false
	end := s.Run(ctx, func(d *publisher.Delta) error {
		frame := w.Encode(d)
		if begun && d.Heartbeat() {
			frame = d.Encode(w.Idle)
		}
		begun = true
		_, err := out.Write(frame)
		return err
	})
	p.end(conn, out, end, &reading)
}

// end ends a connection, and waits for the goroutine that reads.
func (p *Publisher) end(conn *gorilla.Conn, out *serial, end publisher.End, reading *sync.WaitGroup) {
	until := time.Now().Add(p.linger) // the peer must close before
	if end != publisher.EndLeft {
		if _, err := out.Write(closeMessage(end)); err == nil {
			_ = conn.SetReadDeadline(until)
			reading.Wait()
		}
	}
	if out.hasClosed() { // gorilla may have sent the close frame too
		out.leave(until)
	}
	_ = conn.Close()
	reading.Wait()
}

// read reads what the reader sends, of at most so many bytes a message, and answers its control frames. take gets each message, nil
// if it is not text; if take is nil, messages are dropped. read returns when the connection has ended.
func read(conn *gorilla.Conn, most int64, take func(text []byte)) {
	conn.SetReadLimit(most)
	var count incoming // only its counter is used
	limited := func(then func(string) error) func(string) error {
		return func(data string) error {
			if count.tooMany(time.Now()) {
				shut(conn, gorilla.ClosePolicyViolation, tooManyFrames)
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
			body, err = io.ReadAll(io.LimitReader(reader, most+1))
		}
		// The end of a connection is a CloseError.
		if wrong := flate.CorruptInputError(0); errors.As(err, &wrong) || errors.Is(err, io.ErrUnexpectedEOF) {
			shut(conn, gorilla.CloseInvalidFramePayloadData, malformed)
		}
		if errors.Is(err, gorilla.ErrReadLimit) { // gorilla has sent the close frame, unless the length is out of range
			shut(conn, gorilla.CloseProtocolError, outOfRange)
		}
		if err != nil {
			return
		}
		if int64(len(body)) > most { // gorilla limits what came, not what that is decompressed
			shut(conn, gorilla.CloseMessageTooBig, tooBig(int(most)))
			return
		}
		if kind == gorilla.TextMessage && !utf8.Valid(body) {
			shut(conn, gorilla.CloseInvalidFramePayloadData, notUTF8)
			return
		}
		if take == nil {
			continue
		}
		if count.tooMany(time.Now()) {
			shut(conn, gorilla.ClosePolicyViolation, tooManyTexts)
			return
		}
		if kind != gorilla.TextMessage {
			body = nil
		}
		take(body)
	}
}

var errTooMany = errors.New("too many control frames")

func shut(conn *gorilla.Conn, code int, reason string) {
	_ = conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(linger))
}

// hijacker gives gorilla a serial connection.
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

// serial is a connection on which updates and gorilla's control frames are written one after the other. Each write is a whole
// frame. Until open, it keeps what is written, which is the answer to the upgrade, and sends it with the first update.
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

// Write writes b with the deadline for writes.
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

// hasClosed reports whether a close frame was written.
func (c *serial) hasClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// leave waits until the peer closes, but not longer than until, and discards what it sends. If a socket is closed with something
// left to read, the kernel resets the connection, and the close frame may be lost.
func (c *serial) leave(until time.Time) {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(until)
	_, _ = io.Copy(io.Discard, c.Conn)
}

// SetWriteDeadline does nothing: Write sets the deadline.
func (c *serial) SetWriteDeadline(time.Time) error { return nil }
