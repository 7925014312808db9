package postgres

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unanswered is how long what was sent may stay unacknowledged before the connection counts as broken. Without it a
// server that vanished keeps connections for a quarter of an hour.
const unanswered = 5 * time.Second

// userTimeout sets TCP_USER_TIMEOUT (RFC 5482).
func userTimeout(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unanswered.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
