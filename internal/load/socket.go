//go:build linux

package load

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receive is read(2) on a socket that does not block, so the scheduler need not hear of it.
func receive(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), errno
}

// send writes a request, which a connection of our own always has room for.
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
