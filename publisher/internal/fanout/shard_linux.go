package fanout

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	edge = 1 << 31 // EPOLLET, which syscall has as a negative number

	// batch is how many readers are written to before the lock is let go, so that joins need not wait for a pass.
	batch = 256

	readBuffer = 16 << 10
	mostReads  = 4 // of a reader's socket in a row; one that sends without end must not keep the others waiting
)

// part is a topic's readers in one shard.
type part struct {
	topic   *Topic
	shard   *shard
	readers []*Reader

	jobs   []job // guarded by shard.queueMu
	queued bool
}

// job is what is to be done with a part's readers: what is new written, and besides a beat, or a frame given.
type job struct {
	beat   bool
	cursor int64
	frame  *Frame
}

// shard is a part of all readers, with an epoll set of its own. Two goroutines work in it: one writes what topics have
// to say, one takes what sockets have to say; both under mu.
type shard struct {
	engine *Engine
	epfd   int
	poll   *os.File // epfd; Go's poller tells when it has events

	mu      sync.Mutex
	readers []*Reader // by file descriptor, which are small numbers
	closed  bool
	turn    int    // see times
	buffer  []byte // for the reading goroutine
	call    *call

	queueMu sync.Mutex
	queue   []*part
	wake    chan struct{}
}

func newShard(e *Engine) (*shard, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := syscall.SetNonblock(epfd, true); err != nil { // so that os.NewFile gives it to Go's poller
		_ = syscall.Close(epfd)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &shard{
		engine: e, epfd: epfd, poll: os.NewFile(uintptr(epfd), "epoll"),
		buffer: make([]byte, readBuffer), call: newCall(), wake: make(chan struct{}, 1),
	}, nil
}

func (s *shard) close() {
	s.mu.Lock()
	s.closed = true
	for _, r := range s.readers {
		if r != nil {
			r.close(Ended)
		}
	}
	s.mu.Unlock()
	_ = s.poll.Close()
}

func (s *shard) join(p *part, r *Reader, hello []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	r.part, r.index = p, int32(len(p.readers))
	if err := r.control(syscall.EPOLL_CTL_ADD, syscall.EPOLLIN|syscall.EPOLLRDHUP|edge); err != nil {
		return err
	}
	s.limit(r)
	p.readers = append(p.readers, r)
	if need := int(r.fd) + 1 - len(s.readers); need > 0 {
		s.readers = append(s.readers, make([]*Reader, need)...)
	}
	s.readers[r.fd] = r
	if len(hello) > 0 {
		n, err := r.write(hello)
		switch {
		case err != nil:
			r.close(Left)
			return nil
		case n < len(hello):
			r.block(hello[n:], nil)
		}
	}
	if r.full == nil && r.flags&closed == 0 {
		p.advance(r, nil) // something may have come since the caller looked
	}
	return nil
}

// limit has the kernel keep little that it has not sent: what waits here is merged, what waits there is not.
// TCP_USER_TIMEOUT is not for us, though times does what it is there for: Linux ends by it whoever's window is nearly
// always shut, however much is taken.
func (s *shard) limit(r *Reader) {
	_ = r.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, notSent)
	})
}

const ( // linux/tcp.h
	tcpNotSentLowat = 25
	notSent         = 128 << 10
)

func (s *shard) find(fd int32) *Reader {
	if int(fd) < len(s.readers) {
		return s.readers[fd]
	}
	return nil
}

// enqueue has the writing goroutine do j. It takes no lock that is held while sockets are written to.
func (s *shard) enqueue(p *part, j job) {
	s.queueMu.Lock()
	if j.beat || j.frame != nil {
		p.jobs = append(p.jobs, j)
	}
	if !p.queued {
		p.queued = true
		s.queue = append(s.queue, p)
	}
	s.queueMu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *shard) writeLoop() {
	tick := time.NewTicker(s.engine.options.Tick)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
			s.work()
		case <-tick.C:
			s.times()
		case <-s.engine.stop:
			return
		}
	}
}

func (s *shard) work() {
	for {
		s.queueMu.Lock()
		queue := s.queue
		s.queue = nil
		s.queueMu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, p := range queue {
			s.queueMu.Lock()
			jobs := p.jobs
			p.jobs, p.queued = nil, false
			s.queueMu.Unlock()
			p.pass(jobs)
		}
	}
}

// pass goes through a part's readers, from the last to the first: one that leaves is replaced by the last one, which has
// been seen, and one that joins has been given what there is.
func (p *part) pass(jobs []job) {
	s := p.shard
	s.mu.Lock()
	at := newest{jobs: jobs}
	for i, done := len(p.readers)-1, 0; i >= 0; i-- {
		if i >= len(p.readers) {
			continue
		}
		p.advance(p.readers[i], &at)
		if done++; done == batch {
			done = 0
			at.flush(p.topic)
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
			at.known = false // something newer may have come
		}
	}
	at.flush(p.topic)
	s.mu.Unlock()
}

// newest is what a pass has learnt, so that those at the same cursor need not ask again.
type newest struct {
	jobs    []job
	known   bool
	cursor  int64
	guarded bool
	frame   Frame
	verdict Verdict
	idle    []byte // with verdict Nothing, where there is a beat
	written int64
}

func (n *newest) flush(t *Topic) {
	if n.written > 0 {
		t.Delivered.Add(n.written)
		n.written = 0
	}
}

func (n *newest) look(t *Topic, cursor int64, guarded bool) {
	if n.known && n.cursor == cursor && n.guarded == guarded {
		return
	}
	n.known, n.cursor, n.guarded, n.idle = true, cursor, guarded, nil
	n.frame, n.verdict = t.frames.After(cursor, guarded)
	for _, j := range n.jobs {
		switch {
		case j.frame != nil && j.cursor == cursor && n.verdict == Later:
			n.frame, n.verdict = *j.frame, Ready
			if guarded && j.frame.Private {
				n.verdict = Refused
			}
		case j.beat && (n.verdict == Nothing || n.verdict == Later):
			n.idle = t.frames.Idle(cursor)
		}
	}
}

// advance writes to r what it lacks. Without at, what is new is looked up for it alone.
func (p *part) advance(r *Reader, at *newest) {
	if r.full != nil || r.flags&(ending|closed) != 0 || r.flags&(once|asking) == once {
		return
	}
	if at == nil {
		at = &newest{}
		defer at.flush(p.topic)
	}
	at.look(p.topic, r.cursor, r.flags&guarded != 0)
	frame := &at.frame
	switch at.verdict {
	case Nothing, Later:
		if at.idle != nil && r.flags&once == 0 {
			r.send(at.idle)
		}
		return
	case Refused:
		p.topic.protocol.Refused(r)
		return
	}
	n, err := r.write(frame.Bytes)
	switch {
	case err != nil:
		r.close(Left)
		return
	case n == 0: // nothing of it: when the socket takes something, it gets the newest
		r.block(nil, nil)
		return
	}
	at.written++
	r.cursor = frame.Next
	r.flags &^= asking
	if n < len(frame.Bytes) {
		r.block(frame.Bytes[n:], nil)
	}
	if frame.Last {
		p.topic.protocol.Last(r)
	}
}

// times closes who takes nothing, and tells the protocol of what is due. Sockets that are full are looked at each time,
// the others in turn, each once in the time that it is given: what they have to take may never fill a socket.
func (s *shard) times() {
	o := &s.engine.options
	now, stall, turns := s.engine.now(), o.Stall.Milliseconds(), max(int(o.Stall/o.Tick), 1)
	var stalled, due []*Reader
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn = (s.turn + 1) % turns
	for fd, r := range s.readers {
		switch {
		case r == nil:
		case r.full != nil && r.waits(now) > stall, r.full == nil && fd%turns == s.turn && r.waits(now) > stall*3/2:
			stalled = append(stalled, r)
		case r.due != 0 && r.due <= now:
			due = append(due, r)
		}
	}
	for _, r := range stalled {
		r.close(Stalled)
	}
	for _, r := range due {
		switch {
		case r.flags&closed != 0:
		case r.flags&linger != 0:
			r.close(Ended)
		default:
			r.due = 0
			r.part.topic.protocol.Due(r)
		}
	}
}
