//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/internal/process"
	"golang.org/x/sys/unix"
)

// Mode is the protocol by which readers get updates.
type Mode string

// The modes.
const (
	Raw       Mode = "raw" // events in the format of SSE on a TCP connection; the first are a greeting
	SSE       Mode = "sse"
	WebSocket Mode = "websocket"
	LongPoll  Mode = "long-polling" // asks with ?since=; the answer is the JSON of an update
	NchanPoll Mode = "nchan-poll"   // the cursor is Last-Modified and Etag of the last answer
)

// Polls reports whether readers send a request for each update.
func (m Mode) Polls() bool { return m == LongPoll || m == NchanPoll }

// Spec says how a client reads.
type Spec struct {
	Addr    string `json:"addr"` // host:port
	Mode    Mode   `json:"mode"`
	Path    string `json:"path"`
	Since   int64  `json:"since"` // the revision to start from; -1 asks without since
	Readers int    `json:"readers"`
	Updates int    `json:"updates"` // the most that a client reads
	First   int    `json:"first"`   // the number of the first update that is measured
	Silent  int    `json:"silent"`  // the number of readers that never read after they have connected
	Slow    int    `json:"slow"`    // the number of readers, after the silent ones, that read a kilobyte a second; only in a Crowd

	// Channels is the number of channels, unless it is 0. Readers take them in turn: "{n}" in Path stands for the number
	// of the reader's channel, from 0.
	Channels int `json:"channels,omitempty"`

	TLS     bool `json:"tls,omitempty"`     // TLS 1.3 with AES-128-GCM; the certificate is not checked
	Streams int  `json:"streams,omitempty"` // over TLS: HTTP/2, with so many readers on a connection; 0 is HTTP/1.1
	Gzip    bool `json:"gzip,omitempty"`    // SSE: accept gzip
}

// check returns an error if the fields of s contradict each other.
func (s Spec) check() error {
	switch {
	case s.Readers < 1 || s.Silent >= s.Readers:
		return fmt.Errorf("load: %d readers, of whom %d do not read", s.Readers, s.Silent)
	case s.Streams < 0 || s.Streams > 0 && (!s.TLS || s.Mode != SSE || s.Silent+s.Slow > 0):
		return errors.New("load: HTTP/2 needs TLS and server-sent events, and readers that read")
	case s.Gzip && s.Mode != SSE:
		return errors.New("load: only server-sent events may be compressed")
	}
	return nil
}

// Client reads with many connections. Only one goroutine may use it.
type Client struct {
	spec    Spec
	addr    unix.SockaddrInet4
	epoll   int
	conns   []conn
	events  []unix.EpollEvent
	buf     []byte    // data of the connection that is being read
	request []byte    // the first request of a reader
	asks    [2][]byte // later requests of a poll, before and after the cursor
	ask     []byte    // the request that is being sent
	plain   []byte    // decrypted data of the connection that is being read
	joined  []byte    // data of the stream that is being read
	began   time.Time // the time of base
	base    int64

	perAddress int

	connected int // readers that have their first answer, or have sent their first poll
	crowd     *Crowd
	unzipped  map[string][]byte
	record
}

const (
	bufferSize = 256 << 10
	window     = 1000   // connections that are made in parallel, fewer than the backlog of a listener
	perAddress = 20_000 // connections from one address, which has fewer than 30,000 ports
)

// New returns a client. Connect makes its connections.
func New(spec Spec) (*Client, error) {
	addr, err := netip.ParseAddrPort(spec.Addr)
	if err != nil || !addr.Addr().Is4() {
		return nil, fmt.Errorf("load: address %q is not an IPv4 address and port", spec.Addr)
	}
	if err := spec.check(); err != nil {
		return nil, err
	}
	began := time.Now() // right before base: the time between the two is added to every wait
	base, err := process.Now()
	if err != nil {
		return nil, err
	}
	c := &Client{
		spec: spec, addr: unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()},
		conns: make([]conn, spec.Readers), events: make([]unix.EpollEvent, 512), buf: make([]byte, bufferSize),
		began: began, base: base, record: newRecord(spec), perAddress: perAddress,
	}
	since := ""
	if spec.Since >= 0 {
		since = fmt.Sprintf("?since=%d", spec.Since)
	}
	head := " HTTP/1.1\r\nHost: " + spec.Addr + "\r\n"
	switch spec.Mode {
	case Raw:
	case SSE:
		c.request = []byte("GET " + spec.Path + since + head + "Accept: text/event-stream\r\n")
		if spec.Gzip {
			c.request = append(c.request, "Accept-Encoding: gzip\r\n"...)
		}
		c.request = append(c.request, "\r\n"...)
	case WebSocket:
		c.request = []byte("GET " + spec.Path + since + head + "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	case LongPoll:
		c.request = []byte("GET " + spec.Path + since + head + "\r\n")
		c.asks = [2][]byte{[]byte("GET " + spec.Path + "?since="), []byte(head + "\r\n")}
	case NchanPoll:
		c.request = []byte("GET " + spec.Path + head + "\r\n")
		c.asks = [2][]byte{[]byte("GET " + spec.Path + head), []byte("\r\n")}
	default:
		return nil, fmt.Errorf("load: unknown mode %q", spec.Mode)
	}
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	return c, nil
}

// Close resets all connections, so that none is left in TIME_WAIT. It may be called more than once.
func (c *Client) Close() error {
	for i := range c.conns {
		c.drop(&c.conns[i])
	}
	if c.epoll < 0 {
		return nil
	}
	fd := c.epoll
	c.epoll = -1
	return unix.Close(fd)
}

// Connect makes all connections. It returns when every reader has its first answer, or has sent its first poll.
func (c *Client) Connect(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for next := 0; c.connected+c.Closed < len(c.conns); {
		for next < len(c.conns) && next-c.connected < window {
			from := next
			var err error
			if next, err = c.dialNext(from); err != nil {
				return err
			}
			if c.spec.Mode.Polls() && from/(window/2) != next/(window/2) {
				break
			}
		}
		target := next
		if !c.spec.Mode.Polls() {
			target = min(next, c.connected+1)
		}
		for c.connected < target && c.Closed == 0 {
			if err := c.step(deadline); err != nil {
				return fmt.Errorf("connect: %d of %d: %w", c.connected, len(c.conns), err)
			}
		}
		if c.Closed > 0 {
			break
		}
		if c.spec.Mode.Polls() {
			if err := c.fence(deadline); err != nil {
				return fmt.Errorf("connect: %w", err)
			}
		}
	}
	if c.Closed > 0 {
		return fmt.Errorf("connect: %d of %d connections ended: %s", c.Closed, len(c.conns), c.Fault)
	}
	return c.silence()
}

// silence removes the readers that never read from the epoll.
func (c *Client) silence() error {
	for i := range c.spec.Silent {
		if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, c.conns[i].fd, nil); err != nil {
			return fmt.Errorf("silence: %w", err)
		}
		c.conns[i].silent = true
	}
	return nil
}

// Await reads until every reader has update seq, and every polling reader has asked for the next.
func (c *Client) Await(seq int, timeout time.Duration) error {
	if seq < 1 || seq > c.spec.Updates {
		return fmt.Errorf("await update %d: there are to be %d", seq, c.spec.Updates)
	}
	deadline := time.Now().Add(timeout)
	for {
		missing := len(c.conns) - c.spec.Silent - c.received[seq]
		if missing == 0 {
			return nil
		}
		if c.Closed >= missing {
			return fmt.Errorf("await update %d: %d readers lack it, %d connections ended: %s", seq, missing, c.Closed, c.Fault)
		}
		if err := c.step(deadline); err != nil {
			return fmt.Errorf("await update %d: %d readers lack it: %w", seq, missing, err)
		}
	}
}

// step reads what has arrived, or waits.
func (c *Client) step(deadline time.Time) error {
	left := time.Until(deadline)
	if left <= 0 {
		return errors.New("time is up")
	}
	if c.crowd != nil {
		left = min(left, crowdTick)
	}
	n, err := unix.EpollWait(c.epoll, c.events, int(left.Milliseconds())+1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait: %w", err)
	}
	for _, e := range c.events[:max(n, 0)] {
		if co := &c.conns[e.Fd]; co.fd != 0 && !co.silent {
			c.serve(co, int(e.Fd), e.Events)
		}
	}
	if c.crowd != nil {
		return c.crowd.tick()
	}
	return nil
}

// requestOf returns the first request of reader i.
func (c *Client) requestOf(i int) []byte {
	if c.spec.Channels == 0 {
		return c.request
	}
	return bytes.Replace(c.request, []byte("{n}"), strconv.AppendInt(nil, int64(i%c.spec.Channels), 10), 1)
}

// slow reports whether reader i reads slowly.
func (c *Client) slow(i int) bool { return i >= c.spec.Silent && i < c.spec.Silent+c.spec.Slow }

func (c *Client) serve(co *conn, i int, events uint32) {
	if !co.sent {
		if events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) == 0 {
			return
		}
		if code, err := unix.GetsockoptInt(co.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			c.fail(co, i, fmt.Errorf("connect: %w", errors.Join(err, syscall.Errno(code))))
			return
		}
		co.sent = true
		request := c.requestOf(i)
		if c.crowd != nil {
			request = c.crowd.request(co)
		}
		err := error(nil)
		if co.link != nil && co.link.streams > 0 {
			request, err = c.preface(i, co.link.streams)
		}
		if err = errors.Join(err, co.send(request)); err != nil {
			c.fail(co, i, err)
			return
		}
		if c.spec.Mode.Polls() {
			c.connect(co)
		}
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) == 0 || c.slow(i) {
		return
	}
	err := c.read(co, i, math.MaxInt)
	if err == nil && events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 { // the last bytes and the end came in one event
		err = c.read(co, i, math.MaxInt)
	}
	if err != nil {
		c.fail(co, i, err)
	}
}

func (c *Client) connect(co *conn) {
	if !co.connected {
		co.connected = true
		c.connected++
	}
}

// fail closes a connection that has ended or failed.
func (c *Client) fail(co *conn, i int, err error) {
	if c.crowd != nil {
		c.drop(co)
		c.crowd.ended(i, err)
		return
	}
	c.Closed++
	if co.link != nil { // all readers of the connection
		c.Closed += max(co.link.streams-1, 0)
	}
	if c.Fault == "" {
		c.Fault = err.Error()
	}
	c.drop(co)
}

func (c *Client) drop(co *conn) {
	if co.fd != 0 {
		_ = unix.Close(co.fd)
		co.fd, co.rest, co.link = 0, nil, nil
	}
}

// read reads everything that has arrived on a connection, or at most most bytes.
func (c *Client) read(co *conn, i, most int) error {
	for {
		kept := copy(c.buf, co.kept())
		room := c.buf[kept:]
		room = room[:min(len(room), most)]
		if len(room) == 0 {
			return fmt.Errorf("more than %d bytes and no end of the frame", len(c.buf))
		}
		n, errno := receive(co.fd, room)
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("read: %w", errno)
		case n == 0:
			return errors.New("the server ended the connection")
		}
		at := c.base + int64(time.Since(c.began))
		if co.link != nil {
			err := c.unwrap(co, i, c.buf[:kept+n], at)
			if err != nil {
				return err
			}
		} else {
			left, err := c.parse(co, i, c.buf[:kept+n], kept, at)
			if err != nil {
				return err
			}
			co.rest = append(co.rest[:0], left...)
		}
		if most -= n; n < len(room) || most == 0 {
			return nil // edge-triggered: data that arrives now is another event
		}
	}
}

// take counts one frame that reader i got at a time.
func (c *Client) take(co *conn, i int, frame []byte, at int64) {
	if c.crowd != nil {
		c.crowd.take(co, i, frame)
		return
	}
	revision, ok := message.Revision(frame)
	if !ok {
		return // a greeting or a comment
	}
	if revision < co.revision {
		c.Backwards++
	}
	co.revision = revision
	message.Stamps(frame, func(seq int, stamp int64) { c.receive(co, i, seq, at-stamp) })
}
