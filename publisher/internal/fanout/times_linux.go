package fanout

// checkTimes closes readers whose peers have taken nothing for too long, and tells protocols what is due.
//
// What a peer has not taken may be too little to fill its socket, so all sockets have to be looked at. Those that are full,
// and those whose peer had something to take at the last look, are looked at each time. The others are looked at in turn,
// twice in Options.Stall.
func (s *shard) checkTimes() {
	o := &s.engine.options
	now, stall, turns := s.engine.now(), o.Stall.Milliseconds(), max(int(o.Stall/o.Tick/2), 1)
	var stalled, due []*Reader
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn = (s.turn + 1) % turns
	for fd, r := range s.readers {
		switch {
		case r == nil:
		case (r.backlog != nil || r.since != 0 || fd%turns == s.turn) && r.waits(now) > stall:
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
			r.protocol().Due(r)
		}
	}
}

// waits returns for how many milliseconds the peer is known to have taken nothing of what the kernel holds for it. The
// time counts from a look that found something to take, never from a time at which there may have been nothing.
//
// It asks the kernel what is left. That a socket is full says too little: a socket has room again only when much has been
// taken, so a slow peer would look like one that takes nothing.
func (r *Reader) waits(now int64) int64 {
	left, known := r.queued()
	if !known || left == 0 {
		r.since = 0
		return 0
	}
	if taken := r.written - int64(left); r.since == 0 || taken > r.taken {
		r.taken, r.since = taken, now
	}
	return now - r.since
}
