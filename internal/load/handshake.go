//go:build linux

package load

import (
	"bytes"
	"context"
	"crypto/tls"
	stdhex "encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// handshakes is how many handshakes are made in parallel.
const handshakes = 32

// blocking is the longest time that a call on a socket may take during a handshake.
const blocking = 60

// dialSecure makes the connections of the readers from first on, as many as are made in parallel. It returns the next reader.
func (c *Client) dialSecure(first int) (next int, err error) {
	share := max(c.spec.Streams, 1)
	var making sync.WaitGroup
	var failed []error
	var mu sync.Mutex
	next = first
	for range handshakes {
		if next >= len(c.conns) {
			break
		}
		i := next
		next = min(next+share, len(c.conns))
		making.Go(func() {
			if err := c.dialTLS(i, min(share, len(c.conns)-i)); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	making.Wait()
	return next, errors.Join(failed...)
}

// dialTLS makes the connection of reader i, which it shares with the readers behind it, and makes the handshake.
func (c *Client) dialTLS(i, share int) error {
	fd, err := c.socket(i, 0)
	if err != nil {
		return err
	}
	patience := unix.Timeval{Sec: blocking}
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience),
	)
	if err == nil {
		err = connected(fd, c.addr)
	}
	l := &link{}
	protocol := "http/1.1"
	if c.spec.Streams > 0 {
		l.streams, protocol = share, "h2"
	}
	if err == nil {
		l.secure, err = handshake(&socket{fd: fd}, protocol)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return fmt.Errorf("handshake %d: %w", i, errors.Join(err, unix.Close(fd)))
	}
	for k := range share {
		c.fresh(i + k)
	}
	c.conns[i].fd, c.conns[i].link = fd, l
	return c.watch(i, fd)
}

// connected connects a blocking socket. A signal does not break that off: it goes on in the background.
func connected(fd int, addr unix.SockaddrInet4) error {
	err := unix.Connect(fd, &addr)
	for errors.Is(err, unix.EINTR) {
		var n int
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, blocking*1000)
		if err == nil && n == 0 {
			err = unix.ETIMEDOUT
		}
		if err == nil {
			var code int
			if code, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); code != 0 {
				err = unix.Errno(code)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// handshake makes a handshake and returns the keys that follow it. nc must not read more than one record at once.
func handshake(nc net.Conn, protocol string) (s secure, err error) {
	var log keyLog
	client := tls.Client(nc, &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // the server under test has a certificate of its own
		MinVersion:         tls.VersionTLS13, NextProtos: []string{protocol}, KeyLogWriter: &log,
	})
	if err := client.HandshakeContext(context.Background()); err != nil {
		return s, err
	}
	state := client.ConnectionState()
	if state.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		return s, fmt.Errorf("the server chose %s, want TLS_AES_128_GCM_SHA256", tls.CipherSuiteName(state.CipherSuite))
	}
	if got := state.NegotiatedProtocol; got != protocol && (got != "" || protocol == "h2") {
		return s, fmt.Errorf("the server chose the protocol %q, want %s", got, protocol)
	}
	if s.in, err = newDirection(log.secret("SERVER_TRAFFIC_SECRET_0")); err != nil {
		return s, err
	}
	s.out, err = newDirection(log.secret("CLIENT_TRAFFIC_SECRET_0"))
	return s, err
}

// keyLog keeps the secrets of one connection, in the format of NSS.
type keyLog struct{ bytes.Buffer }

func (l *keyLog) secret(name string) []byte {
	for line := range bytes.Lines(l.Bytes()) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == name {
			secret, err := stdhex.DecodeString(string(fields[2]))
			if err == nil {
				return secret
			}
		}
	}
	return nil
}

// socket is a blocking socket during a handshake. Read reads no more than one record, so that what follows the handshake stays
// in the kernel. Go's poller does not know the socket: it would be woken by all that arrives later.
type socket struct {
	fd   int
	head []byte
	left int // bytes of the record's body that have not been read
}

func (s *socket) Read(p []byte) (int, error) {
	if s.left == 0 {
		p = p[:min(len(p), recordHeader-len(s.head))]
	} else {
		p = p[:min(len(p), s.left)]
	}
	n, err := unix.Read(s.fd, p)
	switch {
	case errors.Is(err, unix.EINTR):
		return s.Read(p)
	case err != nil:
		return 0, fmt.Errorf("read: %w", err)
	case n == 0:
		return 0, errors.New("the server ended the connection in the handshake")
	case s.left > 0:
		s.left -= n
		return n, nil
	}
	if s.head = append(s.head, p[:n]...); len(s.head) == recordHeader {
		s.left, s.head = int(s.head[3])<<8|int(s.head[4]), s.head[:0]
	}
	return n, nil
}

func (s *socket) Write(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := unix.Write(s.fd, p[n:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return n, fmt.Errorf("write: %w", err)
		}
		n += max(m, 0)
	}
	return n, nil
}

func (s *socket) Close() error                     { return nil }
func (s *socket) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *socket) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
