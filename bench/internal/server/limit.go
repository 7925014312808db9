//go:build linux

package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/motacilla-live/motacilla/internal/message"
	"golang.org/x/sys/unix"
)

const limitName = "limit"

// limit is the least that a server with one system call per reader can cost. One thread accepts connections, greets, and
// writes each update to one socket after the other. There is no HTTP.
type limit struct {
	listener int
	readers  []int
	maker    *message.Maker
	event    []byte
}

const greeting = ": hello\n\n"

func runLimit(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	commands, ok := in.(*os.File)
	if !ok {
		return errors.New("limit: commands must come from a file, because it is polled with the sockets")
	}
	s := &limit{maker: message.NewMaker()}
	addr, err := s.listen()
	if err != nil {
		return fmt.Errorf("limit: %w", err)
	}
	if err := say(out, Ready{Addr: addr, Since: int64(s.maker.Head())}); err != nil {
		return err
	}
	lines := bufio.NewReader(commands)
	poll := []unix.PollFd{{Fd: int32(commands.Fd()), Events: unix.POLLIN}, {Fd: int32(s.listener), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(poll, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("limit: poll: %w", err)
		}
		if poll[1].Revents != 0 {
			if err := s.accept(); err != nil {
				return fmt.Errorf("limit: %w", err)
			}
		}
		if poll[0].Revents == 0 {
			continue
		}
		for more := true; more; more = lines.Buffered() > 0 {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return nil
			}
			var cmd Command
			if err := errors.Join(err, json.Unmarshal(line, &cmd)); err != nil {
				return fmt.Errorf("limit: command: %w", err)
			}
			if cmd.Profile != "" { // a profile would show one system call
				continue
			}
			if cmd.Collect {
				if err := collect(out); err != nil {
					return err
				}
				continue
			}
			if err := s.publish(cmd.Seq, cmd.Stamp); err != nil {
				return fmt.Errorf("limit: %w", err)
			}
		}
	}
}

func (s *limit) listen() (addr string, err error) {
	if s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return "", fmt.Errorf("socket: %w", err)
	}
	if err := unix.Bind(s.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(s.listener, 4096); err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(s.listener)
	if err != nil {
		return "", fmt.Errorf("getsockname: %w", err)
	}
	four, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("bound to a %T", name)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(four.Port)), nil
}

func (s *limit) accept() error {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return fmt.Errorf("TCP_NODELAY: %w", err)
		}
		if _, err := unix.Write(fd, []byte(greeting)); err != nil {
			return fmt.Errorf("greet: %w", err)
		}
		s.readers = append(s.readers, fd)
	}
}

func (s *limit) publish(seq int, stamp int64) error {
	body, err := s.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	s.event = message.AppendEvent(s.event[:0], s.maker.Head(), body)
	data, size := uintptr(unsafe.Pointer(&s.event[0])), uintptr(len(s.event))
	left := s.readers[:0]
	for _, fd := range s.readers {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), data, size)
		if errno == 0 && n == size {
			left = append(left, fd)
			continue
		}
		if err := unix.Close(fd); err != nil { // the reader is too slow, or has left
			return fmt.Errorf("close: %w", err)
		}
	}
	s.readers = left
	runtime.KeepAlive(s.event)
	return nil
}
