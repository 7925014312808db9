package fanout

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

// Engine owns the shards and their goroutines. Its methods may be called concurrently.
type Engine struct {
	options Options
	shards  []*shard
	next    atomic.Uint32 // of shards, for the next reader
	clock   func() time.Time
	began   time.Time
	stop    chan struct{}
	work    sync.WaitGroup
	once    sync.Once
}

// New starts an engine. The caller must close it.
func New(o *Options) (*Engine, error) { return start(o, time.Now) }

// start is New with a clock, which may be called concurrently.
func start(o *Options, clock func() time.Time) (*Engine, error) {
	e := &Engine{
		options: o.withDefaults(runtime.GOMAXPROCS(0)), clock: clock, began: clock(), stop: make(chan struct{}),
	}
	for i := range e.options.Shards {
		s, err := newShard(e, i)
		if err != nil {
			_ = e.Close()
			return nil, fmt.Errorf("start epoll engine: %w", err)
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

// now returns the engine's time in milliseconds. It is never 0.
func (e *Engine) now() int64 { return e.at(e.clock()) }

// at returns the engine's time of t in milliseconds. It is 0 for the zero time only.
func (e *Engine) at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.Sub(e.began).Milliseconds(), 1)
}

// Topic is what readers follow, in one protocol.
type Topic struct {
	engine   *Engine
	table    atomic.Pointer[Table]
	missed   chan int64
	protocol Protocol
	parts    []*part // one for each shard, in their order

	// Delivered counts the frames of Table.After that sockets took.
	Delivered *atomic.Int64
}

// NewTopic returns a topic without readers. delivered counts the frames that are written. A topic need not be closed:
// without readers it is garbage like any other value.
func (e *Engine) NewTopic(protocol Protocol, table Table, delivered *atomic.Int64) *Topic {
	t := &Topic{engine: e, protocol: protocol, missed: make(chan int64, mostMissed), Delivered: delivered}
	t.table.Store(&table)
	for _, s := range e.shards {
		t.parts = append(t.parts, &part{topic: t, shard: s})
	}
	return t
}

// Publish gives the topic a table in place of its last one, and starts a pass. If beat is true, every reader that lacks nothing,
// or whose frame is not known, gets a heartbeat. It does not block.
func (t *Topic) Publish(table Table, beat bool) {
	t.table.Store(&table)
	for _, p := range t.parts {
		p.shard.enqueue(p, orders{beat: beat})
	}
}

// Missed tells the cursors of readers for which the table answered Later. Give is the answer. If too many cursors are missed at a
// time, some are left out: they are missed again in the next pass.
func (t *Topic) Missed() <-chan int64 { return t.missed }

// mostMissed is how many cursors wait in Missed.
const mostMissed = 32

func (t *Topic) miss(cursor int64) {
	select {
	case t.missed <- cursor:
	default:
	}
}

// Give starts a pass in which every reader at cursor gets f, if Table.After still answers Later. It does not block.
func (t *Topic) Give(cursor int64, f Frame) {
	for _, p := range t.parts {
		p.shard.enqueue(p, orders{given: []given{{cursor, f}}})
	}
}

// Each calls f for the reader of every place, in the reader's shard. After each batch of readers it calls pause with no lock held, and
// returns if pause returns false. Readers that leave meanwhile may be missed.
func (t *Topic) Each(batch int, pause func() bool, f func(r *Reader)) {
	for _, p := range t.parts {
		p.shard.mu.Lock()
		for i, done := len(p.places)-1, 1; i >= 0; i, done = i-1, done+1 {
			if i < len(p.places) {
				f(p.places[i].reader)
			}
			if done%batch == 0 {
				p.shard.mu.Unlock()
				if !pause() {
					return
				}
				p.shard.mu.Lock()
				i = min(i, len(p.places))
			}
		}
		p.shard.mu.Unlock()
	}
}

// Len returns the number of places.
func (t *Topic) Len() int {
	n := 0
	for _, p := range t.parts {
		p.shard.mu.Lock()
		n += len(p.places)
		p.shard.mu.Unlock()
	}
	return n
}

// Bare reports whether conn is a plain socket, or one with TLS that package tlsrecord can take over. The engine can write to it.
func Bare(conn net.Conn) bool {
	_, ok := socketOf(conn)
	return ok
}

// socketOf returns the plain socket beneath conn.
func socketOf(conn net.Conn) (net.Conn, bool) {
	if socket, ok := tlsrecord.CanTake(conn); ok {
		conn = socket
	}
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return conn, true
	}
	return nil, false
}

// Join makes conn a reader of the topic. The connection is then the engine's, and nobody else may use it. If Join returns
// an error, the connection is still the caller's, who can do nothing with it but close it if it has TLS.
func (t *Topic) Join(conn net.Conn, j Join) error {
	socket, ok := socketOf(conn)
	if !ok {
		return ErrUnsupported
	}
	r, err := t.newReader(socket, j)
	if err != nil {
		return err
	}
	var early []byte
	if conn != socket {
		if _, r.session, early, err = tlsrecord.Take(conn); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if !j.Once { // it is never detached
			r.session.Forget()
		}
	}
	return t.anyPart().join(r, j.Hello, early)
}

// newReader returns a reader that is in no shard yet.
func (t *Topic) newReader(socket net.Conn, j Join) (*Reader, error) {
	raw, err := socket.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	r := &Reader{conn: socket, raw: raw, due: t.engine.at(j.Due), Data: j.Data}
	r.first = Place{reader: r, cursor: j.Cursor, index: -1, guarded: j.Guarded}
	if j.Once {
		r.flags |= once | asking
	}
	if _, ok := socket.(*net.UnixConn); ok {
		r.flags |= coarse
	}
	return r, nil
}

// anyPart returns the part for the next reader.
func (t *Topic) anyPart() *part { return t.parts[int(t.engine.next.Add(1))%len(t.parts)] }
