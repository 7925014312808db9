package app

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
)

// inherited are the options of TCP keep-alive, with Go's defaults: a peer that is silent for 15 s is asked every 15 s, and its
// connection has broken after nine questions. A connection has them from its listener, so that they are set once, and not by
// four system calls for each connection.
var inherited = []sockopt{
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
}

// deferred has the kernel hand over a connection when its first bytes have come, or after a second. Until then it takes neither
// a goroutine nor buffers, and the first read does not wait.
var deferred = sockopt{syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, 1}

type sockopt struct{ level, name, value int }

// listen opens the listener.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		var errs []error
		outer := raw.Control(func(fd uintptr) {
			for _, o := range slices.Concat(inherited, []sockopt{deferred}) {
				errs = append(errs, syscall.SetsockoptInt(int(fd), o.level, o.name, o.value))
			}
		})
		return errors.Join(append(errs, outer)...)
	}}
	ln, err := config.Listen(ctx, "tcp", addr)
	if err != nil { // perhaps the system has not all of the options
		return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	}
	return ln, nil
}
