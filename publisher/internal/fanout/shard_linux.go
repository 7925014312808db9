package fanout

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

const (
	edge = 1 << 31 // EPOLLET, which package syscall has as a negative number

	readBuffer = 16 << 10
	mostReads  = 4 // of one socket in a row, so that a peer that sends without end does not keep the others waiting
)

// shard holds a share of all readers, with an epoll set of its own. Two goroutines work in it, both under mu: one writes
// frames (see pass_linux.go), the other one reads what peers send (see poll_linux.go).
type shard struct {
	engine *Engine
	number int // its place in Engine.shards
	epfd   int
	poll   *os.File // epfd, watched by Go's poller

	mu      sync.Mutex
	readers []*Reader // by file descriptor; the last one is not nil
	closed  bool
	turn    int    // see checkTimes
	buffer  []byte // of the goroutine that reads
	sealing []byte // see scratch
	call    *call

	queueMu sync.Mutex
	queue   []*part       // those that wait for a pass
	wake    chan struct{} // has a token after each enqueue
}

func newShard(e *Engine, number int) (*shard, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := syscall.SetNonblock(epfd, true); err != nil { // otherwise os.NewFile does not use Go's poller
		_ = syscall.Close(epfd)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &shard{
		engine: e, number: number, epfd: epfd, poll: os.NewFile(uintptr(epfd), "epoll"),
		buffer: make([]byte, readBuffer), call: newCall(), wake: make(chan struct{}, 1),
	}, nil
}

func (s *shard) close() {
	s.mu.Lock()
	s.closed = true
	for fd := len(s.readers) - 1; fd >= 0; fd-- {
		if r := s.find(int32(fd)); r != nil {
			r.close(Ended)
		}
	}
	s.mu.Unlock()
	_ = s.poll.Close()
}

// join takes a reader in. early is what its peer has sent and somebody else has read.
func (p *part) join(r *Reader, hello, early []byte) error {
	s := p.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	r.first.part = p
	events := uint32(syscall.EPOLLIN | syscall.EPOLLRDHUP | edge)
	if r.backlog != nil { // of another process, see Resume
		r.flags |= armed
		events |= syscall.EPOLLOUT
	}
	if err := r.control(syscall.EPOLL_CTL_ADD, events); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	p.add(&r.first)
	if need := int(r.fd) + 1 - len(s.readers); need > 0 {
		s.readers = append(s.readers, make([]*Reader, need)...)
	}
	s.readers[r.fd] = r
	if len(hello) > 0 {
		n, full, err := r.put(hello)
		switch {
		case err != nil:
			r.close(Left)
			return nil
		case full:
			r.block(hello[n:], nil)
		}
	}
	if r.backlog == nil && r.flags&closed == 0 && r.first.behind() {
		r.first.advance(nil)
	}
	if r.flags&closed == 0 {
		p.topic.protocol.Joined(r)
	}
	if len(early) > 0 && r.flags&closed == 0 {
		p.topic.protocol.Input(r, early)
	}
	return nil
}

// forget removes r from the tables. The tables shrink, so that a crowd that has left takes no memory.
func (s *shard) forget(r *Reader) {
	for p := range r.places() {
		p.part.remove(p)
	}
	if s.find(r.fd) != r { // the descriptor was closed outside, and is another reader's by now
		return
	}
	s.readers[r.fd] = nil
	end := len(s.readers)
	for end > 0 && s.readers[end-1] == nil {
		end--
	}
	s.readers = shrink(s.readers[:end])
}

// shrink moves a table to a smaller array if it fills less than a quarter of its own.
func shrink[T any](table []T) []T {
	const small = 256
	if cap(table) <= small || len(table) >= cap(table)/4 {
		return table
	}
	return append(make([]T, 0, max(2*len(table), small)), table...)
}

func (s *shard) find(fd int32) *Reader {
	if int(fd) < len(s.readers) {
		return s.readers[fd]
	}
	return nil
}
