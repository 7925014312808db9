package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// parting limits how long a server may take to answer a cancel request, or the end of a connection. pgx waits 15 s for
// each, and meanwhile the connection counts in the pool. So a server that was silent for a moment would be out of reach for
// much longer.
const parting = time.Second

// wire is the socket of a connection. While the connection is being made, a read or write that takes longer than limit
// closes it.
type wire struct {
	net.Conn
	limit time.Duration
	timer *time.Timer
	done  atomic.Bool  // the connection is made; from then on, calls have deadlines of their own
	heard atomic.Int64 // when something came last; nanoseconds since epoch
}

// epoch is what heard counts from: the clock on the wall may be set.
var epoch = time.Now()

func newWire(conn net.Conn, limit time.Duration) *wire {
	w := &wire{Conn: conn, limit: limit, timer: time.AfterFunc(time.Hour, func() { _ = conn.Close() })}
	w.timer.Stop()
	return w
}

func (w *wire) Read(p []byte) (int, error) {
	defer w.wait()()
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(int64(time.Since(epoch)))
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	defer w.wait()()
	return w.Conn.Write(p)
}

// wait closes the socket if over is not called within limit.
func (w *wire) wait() (over func()) {
	if w.done.Load() {
		return func() {}
	}
	w.timer.Reset(w.limit)
	return func() { w.timer.Stop() }
}

func (w *wire) Close() error {
	w.timer.Stop()
	return w.Conn.Close()
}

// quietFor returns for how long nothing has come over a connection that was used since began.
func quietFor(c *pgx.Conn, began time.Time) time.Duration {
	quiet := time.Since(began)
	if w := wireOf(c.PgConn().Conn()); w != nil {
		quiet = min(quiet, time.Since(epoch)-time.Duration(w.heard.Load()))
	}
	return quiet
}

// wires has config dial wires whose limit is silence.
func wires(config *pgconn.Config, silence time.Duration) {
	connecting := config.ConnectTimeout
	dialer := &net.Dialer{
		Timeout: connecting,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 2,
		},
		Control: userTimeout,
	}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		limit := silence
		if until, ok := ctx.Deadline(); ok && time.Until(until) > connecting { // pgx gives only a cancel request so long
			limit = min(limit, parting)
		}
		return newWire(conn, limit), nil
	}
	config.AfterConnect = func(_ context.Context, c *pgconn.PgConn) error {
		if w := wireOf(c.Conn()); w != nil {
			w.done.Store(true)
			w.timer.Stop()
		}
		return nil
	}
}

// part limits how long the pool waits for a connection that it closes. It is the pool's BeforeClose.
func part(c *pgx.Conn) {
	if w := wireOf(c.PgConn().Conn()); w != nil {
		w.timer.Reset(parting)
	}
}

// wireOf returns the wire of a connection, below TLS if there is TLS, or nil.
func wireOf(conn net.Conn) *wire {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	w, _ := conn.(*wire)
	return w
}
