package natsconn

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// How a connection is kept.
const (
	pause = 250 * time.Millisecond // between two attempts to connect to the same server, with as much at random
	ping  = 10 * time.Second       // a server that answers two of these not is away
)

// Dialer connects to NATS.
type Dialer struct {
	options nats.Options
	away    *seldom // tells that NATS can't be reached
}

// New returns what connects with these settings. It connects to nothing. The servers know the connection by name. The error is a
// motacilla.ErrInvalid that names the option.
func New(o *Options, name string, log *zap.Logger) (*Dialer, error) {
	own, err := o.read()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = zap.NewNop()
	}
	d := &Dialer{nats.GetDefaultOptions(), &seldom{log: log}}
	d.options.Servers = o.Servers
	for _, set := range append(own, d.kept(name, log)...) {
		if err := set(&d.options); err != nil {
			return nil, motacilla.Invalid("servers", "can't be used: %v", err)
		}
	}
	return d, nil
}

// kept are the settings of a connection that is never given up, also if the servers refuse it: the operator may mend that there. What
// is published while there is no connection is an error, and not kept for later.
func (d *Dialer) kept(name string, log *zap.Logger) []nats.Option {
	wrong := &seldom{log: log}
	return []nats.Option{
		nats.SetCustomDialer(&wire{net.Dialer{Timeout: connecting}}), nats.SkipHostLookup(), nats.Timeout(connecting),
		nats.Name(name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(-1), nats.PingInterval(ping), nats.MaxPingsOutstanding(2),
		nats.NoCallbacksAfterClientClose(),
		nats.ConnectHandler(func(c *nats.Conn) { log.Info("connected to NATS", zap.String("remote", c.ConnectedAddr())) }),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("connected to NATS again", zap.String("remote", c.ConnectedAddr())) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Warn("the connection to NATS has ended; it is tried again and again", zap.Error(err))
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { d.unreached(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			fields := []zap.Field{zap.Error(err)}
			if s != nil {
				fields = append(fields, zap.String("subject", s.Subject))
			}
			wrong.warn("NATS tells of an error; such errors are told of once in a minute", fields...)
		}),
	}
}

// seldom is a log that warns once in a minute. What is in between is only for debugging.
type seldom struct {
	log  *zap.Logger
	last atomic.Int64 // Unix seconds
}

func (s *seldom) warn(text string, fields ...zap.Field) {
	level, now := zap.DebugLevel, time.Now().Unix()
	if last := s.last.Load(); now-last >= 60 && s.last.CompareAndSwap(last, now) {
		level = zap.WarnLevel
	}
	s.log.Log(level, text, fields...)
}

func (d *Dialer) unreached(err error) {
	d.away.warn("NATS can't be reached; it is tried again and again, and told of once in a minute", zap.Error(err))
}

// Dial connects. If no server takes the connection, it goes on in the background. The caller must close the connection.
func (d *Dialer) Dial() (*nats.Conn, error) {
	var made atomic.Pointer[nats.Conn]
	o := d.options
	o.CustomReconnectDelayCB = func(int) time.Duration {
		if c := made.Load(); c != nil && c.LastError() != nil { // the library does not say why a server has refused the connection
			d.unreached(c.LastError())
		}
		return pause + rand.N(pause)
	}
	c, err := o.Connect()
	made.Store(c)
	return c, err
}

// ErrAway says that there is no connection now.
var ErrAway = errors.New("there is no connection to NATS")

// Attempt is a use of a connection that must not go wrong unnoticed.
type Attempt struct {
	conn       *nats.Conn
	reconnects uint64
	last       error
}

// Begin begins an attempt. The error is ErrAway if there is no connection.
func Begin(c *nats.Conn) (Attempt, error) {
	if !c.IsConnected() {
		return Attempt{}, ErrAway
	}
	return Attempt{conn: c, reconnects: c.Stats().Reconnects, last: c.LastError()}, nil
}

// Err returns an error if the connection was another one in between, or the server has denied something. It is for after the server has
// answered: it tells of what it does not allow before its answer.
func (a Attempt) Err() error {
	if err := a.conn.LastError(); err != a.last && errors.Is(err, nats.ErrPermissionViolation) { //nolint:errorlint // whether it is a new one
		return err
	}
	if a.conn.Stats().Reconnects != a.reconnects {
		return ErrAway
	}
	return nil
}
