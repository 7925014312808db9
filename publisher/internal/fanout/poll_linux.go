package fanout

import (
	"runtime"
	"syscall"
)

// readLoop handles what epoll reports of sockets: input, room to write, and ends.
func (s *shard) readLoop() {
	raw, err := s.poll.SyscallConn()
	if err != nil {
		return
	}
	events := make([]syscall.EpollEvent, 128)
	var again []*Reader // whose input was not read to its end
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events, 0)
			return n > 0 || len(again) > 0
		})
		if err != nil { // the engine is closed
			return
		}
		again = s.round(events[:max(n, 0)], again)
		if len(again) > 0 {
			runtime.Gosched()
		}
	}
}

// round handles events, and reads on what again has, which is returned for the next round. A reader is in it once: otherwise one whose
// peer sends without end would be in it once more after each round, and read longer and longer in a row.
func (s *shard) round(events []syscall.EpollEvent, again []*Reader) (next []*Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	read := func(r *Reader, toEnd bool) {
		if r.flags &^= unread; s.take(r, toEnd) {
			r.flags |= unread
			next = append(next, r)
		}
	}
	for i := range events {
		e := &events[i]
		r := s.find(e.Fd)
		if r == nil {
			continue
		}
		if e.Events&syscall.EPOLLOUT != 0 && r.backlog != nil {
			r.unblock()
		}
		const over = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
		if e.Events&(syscall.EPOLLIN|over) != 0 && r.flags&unread == 0 {
			read(r, e.Events&over != 0)
		}
	}
	for _, r := range again {
		read(r, true)
	}
	return next
}

// take reads what r's peer sent and gives it to the protocol. With toEnd it reads until the socket says that there is no
// more. more reports that there may be more; epoll does not report it again.
func (s *shard) take(r *Reader, toEnd bool) (more bool) {
	for range mostReads {
		if r.flags&closed != 0 {
			return false
		}
		n, err := r.read(s.buffer)
		if err != nil {
			r.close(Left)
			return false
		}
		if n > 0 {
			r.input(s.buffer[:n])
		}
		if n == 0 || n < len(s.buffer) && !toEnd {
			return false
		}
	}
	return r.flags&closed == 0
}
