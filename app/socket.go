package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// errTaken means that a server answers at the path of a socket.
var errTaken = errors.New("another program listens there")

// socketListener is a Unix socket with a file. Close removes the file, unless it is another server's by then.
type socketListener struct {
	*net.UnixListener
	path string
	file fs.FileInfo
	once sync.Once
}

// listenSocket opens a socket. If its file is left over from a server that no longer runs, the file is replaced. A file that is
// no socket, or at which somebody answers, is left alone.
func listenSocket(ctx context.Context, a address) (net.Listener, error) {
	// Between the look at an old file and its removal no other server may put its own file there.
	unlock, err := lockFolder(ctx, filepath.Dir(a.at))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(ctx, a.at); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { limitSocket(fd, a.mode) })
	}}
	ln, err := config.Listen(ctx, "unix", a.at)
	if err != nil {
		return nil, err
	}
	s := &socketListener{UnixListener: ln.(*net.UnixListener), path: a.at}
	s.SetUnlinkOnClose(false)
	if err := os.Chmod(a.at, a.mode); err != nil { // the system has taken the umask away
		return nil, errors.Join(err, s.UnixListener.Close(), os.Remove(a.at))
	}
	if s.file, err = os.Lstat(a.at); err != nil {
		return nil, errors.Join(err, s.UnixListener.Close())
	}
	return s, nil
}

// keepSocket returns a socket that somebody else has opened. Its file is this process's to remove from now on.
func keepSocket(ln net.Listener, a address) (net.Listener, error) {
	of, ok := ln.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the socket that was opened for %s is a %T", a, ln), ln.Close())
	}
	of.SetUnlinkOnClose(false)
	s := &socketListener{UnixListener: of, path: a.at}
	var err error
	if s.file, err = os.Lstat(a.at); err != nil {
		return nil, errors.Join(err, of.Close())
	}
	return s, nil
}

// leave has Close leave the file.
func (s *socketListener) leave() { s.once.Do(func() {}) }

// Close implements net.Listener.
func (s *socketListener) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
			_ = os.Remove(s.path)
		}
	})
	return s.UnixListener.Close()
}

// answerTimeout is how long a server may take to accept a connection that asks whether it is there.
const answerTimeout = 2 * time.Second

// removeStale removes the file of a socket at which nobody answers.
func removeStale(ctx context.Context, path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case file.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file that is no socket")
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return errTaken
	case errors.Is(err, syscall.ECONNREFUSED): // no process has the socket
		return os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, context.DeadlineExceeded): // its queue is full
		return errTaken
	}
	return fmt.Errorf("it is not clear whether a server listens there: %w", err)
}
