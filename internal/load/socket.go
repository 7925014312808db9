//go:build linux

package load

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receive calls read(2) on a non-blocking socket, without telling the Go scheduler.
func receive(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), errno
}

// send writes a request. The socket always has room for it.
func send(fd int, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	n, err := unix.Write(fd, p)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if n < len(p) {
		return fmt.Errorf("write: %d of %d bytes", n, len(p))
	}
	return nil
}
