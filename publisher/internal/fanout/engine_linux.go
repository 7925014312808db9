package fanout

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Engine has the shards. Its methods may be called from many goroutines at once.
type Engine struct {
	options Options
	shards  []*shard
	next    atomic.Uint32
	began   time.Time
	stop    chan struct{}
	work    sync.WaitGroup
	once    sync.Once
}

// New starts an engine. Close it.
func New(o *Options) (*Engine, error) {
	e := &Engine{options: o.withDefaults(runtime.GOMAXPROCS(0)), began: time.Now(), stop: make(chan struct{})}
	for range e.options.Shards {
		s, err := newShard(e)
		if err != nil {
			_ = e.Close()
			return nil, fmt.Errorf("start fan-out: %w", err)
		}
		e.shards = append(e.shards, s)
		e.work.Go(s.writeLoop)
		e.work.Go(s.readLoop)
	}
	return e, nil
}

// Close closes every connection and waits for the engine's goroutines.
func (e *Engine) Close() error {
	e.once.Do(func() {
		close(e.stop)
		for _, s := range e.shards {
			s.close()
		}
	})
	e.work.Wait()
	return nil
}

// now is the engine's time, in milliseconds.
func (e *Engine) now() int64 { return time.Since(e.began).Milliseconds() }

// at is the engine's time of t; 0 for the zero time.
func (e *Engine) at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.Sub(e.began).Milliseconds(), 1)
}

// Topic is one thing that readers follow, in one protocol.
type Topic struct {
	engine   *Engine
	frames   Frames
	protocol Protocol
	parts    []*part // of each shard

	// Delivered counts the frames of Frames.After that sockets took.
	Delivered *atomic.Int64
}

// NewTopic returns a topic without readers. It costs nothing once it has none again and is dropped. delivered counts
// what is written.
func (e *Engine) NewTopic(frames Frames, protocol Protocol, delivered *atomic.Int64) *Topic {
	t := &Topic{engine: e, frames: frames, protocol: protocol, Delivered: delivered}
	for _, s := range e.shards {
		t.parts = append(t.parts, &part{topic: t, shard: s})
	}
	return t
}

// Wake has every reader given what it lacks. It does not block.
func (t *Topic) Wake() {
	for _, p := range t.parts {
		p.shard.enqueue(p, job{})
	}
}

// Beat has every reader that lacks nothing and takes something given a heartbeat. It does not block.
func (t *Topic) Beat() {
	for _, p := range t.parts {
		p.shard.enqueue(p, job{beat: true})
	}
}

// Give has every reader at cursor given f, which answers a Later. It does not block.
func (t *Topic) Give(cursor int64, f Frame) {
	for _, p := range t.parts {
		p.shard.enqueue(p, job{cursor: cursor, frame: &f})
	}
}

// Each calls f for every reader, in its shard, in batches of at most batch, between which pause is called, with no lock
// held; it ends early where pause returns false. Readers that leave meanwhile may be left out.
func (t *Topic) Each(batch int, pause func() bool, f func(r *Reader)) {
	for _, p := range t.parts {
		p.shard.mu.Lock()
		for i, done := len(p.readers)-1, 1; i >= 0; i, done = i-1, done+1 {
			if i < len(p.readers) {
				f(p.readers[i])
			}
			if done%batch == 0 {
				p.shard.mu.Unlock()
				if !pause() {
					return
				}
				p.shard.mu.Lock()
				i = min(i, len(p.readers))
			}
		}
		p.shard.mu.Unlock()
	}
}

// Len returns the number of readers.
func (t *Topic) Len() int {
	n := 0
	for _, p := range t.parts {
		p.shard.mu.Lock()
		n += len(p.readers)
		p.shard.mu.Unlock()
	}
	return n
}

// Bare reports whether the engine can write to conn itself.
func Bare(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// Join makes conn, which nobody else uses from now on, a reader of the topic. With an error the connection is still the
// caller's.
func (t *Topic) Join(conn net.Conn, j Join) error {
	socket, ok := conn.(syscall.Conn)
	if !ok || !Bare(conn) {
		return ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	r := &Reader{
		conn: conn, raw: raw, cursor: j.Cursor, due: t.engine.at(j.Due), Data: j.Data,
	}
	if j.Once {
		r.flags |= once | asking
	}
	if j.Guarded {
		r.flags |= guarded
	}
	if err := raw.Control(func(fd uintptr) { r.fd = int32(fd) }); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	p := t.parts[int(t.engine.next.Add(1))%len(t.parts)]
	return p.shard.join(p, r, j.Hello)
}
