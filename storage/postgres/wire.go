package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// farewell is how long a server may take to answer a goodbye or a cancel request. pgx would wait 15 s for either, and a
// connection keeps its place in the pool for so long: a server that is silent for a moment would be away for much more.
const farewell = time.Second

// wire is the socket of a connection. While it has a limit it is closed when nothing came for so long.
type wire struct {
	net.Conn
	limit time.Duration
	timer *time.Timer
	done  atomic.Bool // it has become a connection, for which calls have deadlines
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err == nil && !w.done.Load() {
		w.timer.Reset(w.limit)
	}
	return n, err
}

func (w *wire) Close() error {
	w.timer.Stop()
	return w.Conn.Close()
}

// wires has config dial sockets that end where the server is silent for the given time before they are connections.
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
			limit = min(limit, farewell)
		}
		return &wire{Conn: conn, limit: limit, timer: time.AfterFunc(limit, func() { _ = conn.Close() })}, nil
	}
	config.AfterConnect = func(_ context.Context, c *pgconn.PgConn) error {
		if w := wireOf(c.Conn()); w != nil {
			w.done.Store(true)
			w.timer.Stop()
		}
		return nil
	}
}

// part says goodbye to a connection that the pool is about to close.
func part(c *pgx.Conn) {
	if w := wireOf(c.PgConn().Conn()); w != nil {
		w.timer.Reset(farewell)
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
