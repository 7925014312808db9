package s3

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// source is a file that is being put. It can be put again if it is an io.Seeker.
type source struct {
	r     io.Reader
	size  int64
	begin int64 // where r began; -1 if it can't go back
	begun bool  // something was read
}

func newSource(r io.Reader, size int64) *source {
	s := &source{r: r, size: size, begin: -1}
	if seeker, ok := r.(io.Seeker); ok {
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			s.begin = at
		}
	}
	return s
}

// again reports whether the file can be put once more.
func (s *source) again() bool { return !s.begun || s.begin >= 0 }

// body returns the body of the next attempt.
func (s *source) body() (*body, error) {
	if s.begun {
		if _, err := s.r.(io.Seeker).Seek(s.begin, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return &body{source: s}, nil
}

// body is the body of one attempt. It fails before its last byte has been sent if the source has more or fewer bytes than its
// size: the server stores only what is complete. The HTTP client may read it after the call has returned. After Close nothing is
// read from the source any more.
type body struct {
	source *source

	mu     sync.Mutex
	read   int64
	closed bool
	err    error // why it can't be put, unless it is the server's or the network's fault
}

var errClosed = errors.New("the attempt is over")

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := b.source.size
	switch {
	case b.closed:
		return 0, errClosed
	case b.err != nil:
		return 0, b.err
	case b.read == size:
		return 0, io.EOF
	case int64(len(p)) > size-b.read:
		p = p[:size-b.read]
	}
	b.source.begun = true
	n, err := b.source.r.Read(p)
	b.read += int64(n)
	switch {
	case b.read == size && (err == nil || errors.Is(err, io.EOF)):
		if err := b.end(); err != nil {
			return 0, err
		}
		return n, io.EOF
	case errors.Is(err, io.EOF):
		b.err = fmt.Errorf("the file has %d bytes, and not the %d that it should have", b.read, size)
	case err != nil:
		b.err = err
	default:
		return n, nil
	}
	return 0, b.err
}

// end checks that the source has no more bytes.
func (b *body) end() error {
	var more [1]byte
	b.source.begun = true
	n, err := io.ReadFull(b.source.r, more[:])
	switch {
	case n > 0:
		b.err = fmt.Errorf("the file has more than the %d bytes that it should have", b.source.size)
	case !errors.Is(err, io.EOF):
		b.err = err
	}
	return b.err
}

// Close waits until nothing is read from the source. It returns why the file can't be put, unless that is the server's or the
// network's fault.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.err
}
