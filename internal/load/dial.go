//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// dialNext makes the connection of reader i, or of some more over TLS. It returns the next reader.
func (c *Client) dialNext(i int) (next int, err error) {
	if c.spec.TLS {
		return c.dialSecure(i)
	}
	return i + 1, c.dial(i)
}

// dial makes the connection of one reader. Over TCP it does not wait.
func (c *Client) dial(i int) error {
	if c.spec.TLS {
		return c.dialTLS(i, 1)
	}
	fd, err := c.socket(i, unix.SOCK_NONBLOCK)
	if err != nil {
		return err
	}
	c.fresh(i)
	c.conns[i].fd = fd
	if err := unix.Connect(fd, &c.addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect %d: %w", i, err)
	}
	return c.watch(i, fd)
}

// fresh forgets the last connection of reader i, but not what it got.
func (c *Client) fresh(i int) {
	co := &c.conns[i]
	*co = conn{
		next: max(co.next, 1), revision: max(co.revision, c.spec.Since), connected: co.connected, body: c.spec.Mode == Raw,
	}
}

// socket returns a new socket for reader i.
func (c *Client) socket(i, flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|flags, 0)
	if err != nil {
		return 0, fmt.Errorf("socket %d: %w", i, err)
	}
	err = errors.Join(
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
	)
	if i < c.spec.Silent || c.slow(i) {
		// The kernel's buffers for this reader must soon be full. A sender's buffer grows with the size of a segment, which
		// is 64 KiB on loopback, so that the kernel would take megabytes. A slow reader announces room only after it has
		// read most of its buffer.
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 536))
	}
	if len(c.conns) > c.perAddress {
		source := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i/c.perAddress)}}
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1), unix.Bind(fd, &source))
	}
	if err != nil {
		return 0, fmt.Errorf("prepare socket %d: %w", i, errors.Join(err, unix.Close(fd)))
	}
	return fd, nil
}

// watch adds the connection of reader i to the epoll.
func (c *Client) watch(i, fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&(1<<32-1), Fd: int32(i)}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("watch socket %d: %w", i, err)
	}
	return nil
}

// fence requests a page that does not exist and waits for the answer. By then the server has accepted all earlier
// connections. Polls do not show that, because they are answered only when there is an update.
func (c *Client) fence(deadline time.Time) error {
	nc, err := (&net.Dialer{Deadline: deadline}).DialContext(context.Background(), "tcp4", c.spec.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = nc.Close() }()
	if err := nc.SetDeadline(deadline); err != nil {
		return err
	}
	if c.spec.TLS {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // see handshake
	}
	if _, err := nc.Write([]byte("GET /fence HTTP/1.1\r\nHost: " + c.spec.Addr + "\r\nConnection: close\r\n\r\n")); err != nil {
		return err
	}
	if _, err := nc.Read(make([]byte, 512)); err != nil {
		return fmt.Errorf("answer to a request for nothing: %w", err)
	}
	return nil
}
