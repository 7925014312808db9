package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// parting is how long a server may take to answer when a connection is closed, or to a cancel request. pgx would wait
// 15 s for either, and the connection would keep its place in the pool for so long. A server that is silent for a
// moment would be away for much longer.
const parting = time.Second

// wire is the socket of a connection. While the connection is being made, it is closed if the server is waited for longer than
// limit.
type wire struct {
	net.Conn
	limit time.Duration
	timer *time.Timer
	done  atomic.Bool // it has become a connection, for which calls have deadlines
}

func newWire(conn net.Conn, limit time.Duration) *wire {
	w := &wire{Conn: conn, limit: limit, timer: time.AfterFunc(time.Hour, func() { _ = conn.Close() })}
	w.timer.Stop()
	return w
}

func (w *wire) Read(p []byte) (int, error) {
	defer w.wait()()
	return w.Conn.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	defer w.wait()()
	return w.Conn.Write(p)
}

// wait limits the time until over is called.
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

// wires makes config dial sockets that are closed if the server is silent for so long while the connection is being
// made.
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
		if until, ok := ctx.Deadline(); ok && time.Until(until) > connecting { // it is for a cancel request
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

// part limits how long the pool waits for a connection that it closes.
func part(c *pgx.Conn) {
	if w := wireOf(c.PgConn().Conn()); w != nil {
		w.timer.Reset(parting)
	}
}

// wireOf returns what is below TLS.
func wireOf(conn net.Conn) *wire {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	w, _ := conn.(*wire)
	return w
}
