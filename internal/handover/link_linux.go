package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sendBuffer is the size of the buffer between the processes, in bytes. It has to hold one packet. The kernel doubles it.
const sendBuffer = maxPacket

// link is one end of the pair of sockets. One goroutine may send while another one receives. After an error it is of no use.
type link struct {
	conn *net.UnixConn
	in   []byte // the packet that came last
	oob  []byte // the files that came with it
}

// pair returns a link, and the file of its other end for the new process. Its packets keep their bounds and their order.
func pair() (*link, *os.File, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "handover")
	l, err := newLink(ends[0])
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return l, theirs, nil
}

// newLink makes a link of a socket, which is closed if that fails.
func newLink(fd int) (*link, error) {
	f := os.NewFile(uintptr(fd), "handover")
	defer func() { _ = f.Close() }()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer); err != nil {
		return nil, fmt.Errorf("buffer of the handover: %w", err)
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("socket of the handover: %w", err)
	}
	return &link{conn: conn.(*net.UnixConn), in: make([]byte, maxPacket), oob: make([]byte, unix.CmsgSpace(4))}, nil
}

func (l *link) close() { _ = l.conn.Close() }

// send sends a parcel, with a file if it is not nil. If it returns an error, the other process can't have the whole parcel.
// If ctx ends, the error is its cause.
func (l *link) send(ctx context.Context, k kind, state any, file syscall.Conn) error {
	bytes, err := pack(k, state)
	if err != nil {
		return err
	}
	defer cutOff(ctx, l.conn.SetWriteDeadline)()
	if file == nil {
		return broken(ctx, l.write(bytes, nil))
	}
	raw, err := file.SyscallConn() // a File or its Fd would make the socket blocking, for both processes
	if err != nil {
		return fmt.Errorf("file of the parcel %q: %w", k, err)
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = l.write(bytes, unix.UnixRights(int(fd))) }); err != nil {
		return fmt.Errorf("file of the parcel %q: %w", k, err)
	}
	return broken(ctx, sent)
}

// write sends the packets of a parcel.
func (l *link) write(bytes, rights []byte) error {
	for len(bytes) > 0 {
		n := min(len(bytes), maxPacket)
		if _, _, err := l.conn.WriteMsgUnix(bytes[:n], rights, nil); err != nil {
			return err
		}
		bytes, rights = bytes[n:], nil
	}
	return nil
}

// receive waits for the next parcel, which must be of one of the kinds. If ctx ends, the error is its cause.
func (l *link) receive(ctx context.Context, kinds ...kind) (p parcel, err error) {
	defer cutOff(ctx, l.conn.SetReadDeadline)()
	var file *os.File
	defer func() {
		if err != nil && file != nil {
			_ = file.Close()
		}
	}()
	var a assembly
	for complete := false; !complete; {
		first := !a.begun
		n, came, err := l.read()
		if len(came) > 1 || len(came) == 1 && !first {
			for _, f := range came {
				_ = f.Close()
			}
			return p, malformed("it has more than one file, or not with its first packet")
		}
		if len(came) == 1 {
			file = came[0]
		}
		if err != nil {
			return p, broken(ctx, err)
		}
		if complete, err = a.add(l.in[:n]); err != nil {
			return p, err
		}
	}
	if p, err = a.parcel(); err != nil {
		return p, err
	}
	if p.Kind == failed {
		return p, errFailed
	}
	if !slices.Contains(kinds, p.Kind) {
		return p, malformed("kind is %q, expected one of %q", p.Kind, kinds)
	}
	if file != nil && p.Kind != listener && p.Kind != connection {
		return p, malformed("%q has a file, expected none", p.Kind)
	}
	p.file = file
	return p, nil
}

// read reads one packet into l.in. The files have to be closed even if there is an error.
func (l *link) read() (n int, files []*os.File, err error) {
	n, oob, flags, _, err := l.conn.ReadMsgUnix(l.in, l.oob)
	if errors.Is(err, unix.ECONNRESET) { // the other process has ended, and what it has sent is behind this error
		n, oob, flags, _, err = l.conn.ReadMsgUnix(l.in, l.oob)
	}
	files, wrong := filesIn(l.oob[:oob])
	switch {
	case err != nil:
		return 0, files, err
	case wrong != nil:
		return 0, files, malformed("its files: %v", wrong)
	case flags&unix.MSG_TRUNC != 0:
		return 0, files, malformed("a packet has more than %d bytes", maxPacket)
	}
	return n, files, nil
}

// filesIn returns the files that came with a packet. If this process has too many open files, the kernel has left one out.
func filesIn(oob []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	for _, m := range messages {
		fds, wrong := unix.ParseUnixRights(&m)
		err = errors.Join(err, wrong)
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files, err
}

// linkError is an error of the link. After any other error of send the next parcel can be sent.
type linkError struct{ error }

func (e *linkError) Unwrap() error { return e.error }

// broken returns the error of a link. It is the cause of ctx if the link was cut off, and errGone if nobody is at the other end.
func broken(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = context.Cause(ctx)
	case errors.Is(err, io.EOF), errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		err = errGone
	}
	return &linkError{err}
}

// cutOff sets a deadline in the past when ctx ends. The function that it returns ends that.
func cutOff(ctx context.Context, setDeadline func(time.Time) error) (end func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = setDeadline(time.Unix(1, 0))
		close(done)
	})
	return func() {
		if !stop() {
			<-done
			_ = setDeadline(time.Time{})
		}
	}
}
