package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/live"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

const (
	headTimeout = 10 * time.Second // for the head of a request
	idleTimeout = 2 * time.Minute  // between requests on a connection
	maxHead     = 64 << 10         // bytes

	// drainTimeout leaves the rest of StopTimeout to receivers, feed and store.
	drainTimeout = 7 * time.Second
)

// Server is the HTTP server. It serves the site.
type Server struct {
	*live.Live

	addr       address // to listen on
	listeners  *listeners
	operations *operations
	log        *zap.Logger
	shutdowner fx.Shutdowner
	security   *security // nil if the server does not speak TLS
	config     *Config
	access     *access.Access // nil if the app has a hook of its own

	http    *http.Server
	bound   atomic.Value // of boundAddr
	serving sync.WaitGroup
}

type serverIn struct {
	fx.In

	Lifecycle  fx.Lifecycle
	Shutdowner fx.Shutdowner
	Config     *Config
	Site       *live.Live
	Operations *operations
	Admin      *Admin // starts before the server, and stops after it
	Listeners  *listeners
	Access     *access.Access // nil if the app has a hook of its own
	Security   *security      // nil if the server does not speak TLS
	Log        *zap.Logger
}

func newServer(in serverIn) (*Server, error) {
	s := &Server{
		Live: in.Site, listeners: in.Listeners, operations: in.Operations, log: in.Log, shutdowner: in.Shutdowner, security: in.Security,
		config: in.Config, access: in.Access,
	}
	var err error
	if s.addr, err = in.Config.Server.address(in.Config.Server.Addr); err != nil {
		return nil, fmt.Errorf("server.addr: %w", err)
	}
	if s.http, err = newHTTP(s, in.Log.Named("http")); err != nil {
		return nil, err
	}
	s.http.HTTP2 = in.Config.http2Config()
	in.Lifecycle.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

// newHTTP returns an HTTP server with the limits of every listener.
func newHTTP(h http.Handler, log *zap.Logger) (*http.Server, error) {
	errorLog, err := zap.NewStdLogAt(log, zap.DebugLevel)
	if err != nil {
		return nil, fmt.Errorf("log of the HTTP server: %w", err)
	}
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead, ErrorLog: errorLog,
	}, nil
}

// Addr returns the address that the server listens on. It is nil before the app has started.
func (s *Server) Addr() net.Addr {
	a, _ := s.bound.Load().(boundAddr)
	return a.Addr
}

// boundAddr is where a listener is. An atomic.Value wants one type for all addresses.
type boundAddr struct{ net.Addr }

func (s *Server) start(ctx context.Context) error {
	if err := s.security.load(ctx); err != nil {
		return err
	}
	ln, err := s.listeners.listen(ctx, listenServer, s.addr, "server.addr")
	if err != nil {
		return err
	}
	s.bound.Store(boundAddr{ln.Addr()})
	s.log.Info("listening", zap.String("addr", s.addr.shown(ln)))
	served := s.security.secure(s.http, ln)
	s.serving.Go(func() {
		if err := s.http.Serve(served); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the HTTP server failed", zap.Error(err))
			if err := s.shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
				s.log.Error("shut down", zap.Error(err))
			}
		}
	})
	err = s.security.start(ctx, ln.Addr(), s.listeners)
	if err == nil {
		err = s.listeners.open()
	}
	if err != nil {
		return errors.Join(err, s.http.Close())
	}
	s.operations.serving.Store(true)
	if s.access == nil {
		return nil
	}
	if err := s.access.Announce(ctx, s.ownURL(ln.Addr())); err != nil { // readers are served nevertheless
		s.log.Error("announcing how to sign in failed", zap.Error(err))
	}
	return nil
}

// localhost are the addresses that the name localhost leads to.
var localhost = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4zero, net.IPv6zero}

// ownURL returns the URL of the site: the public one, or one that works on this machine. Passkeys need the name localhost: they
// don't work with addresses.
func (s *Server) ownURL(bound net.Addr) string {
	c := s.config.Server
	if c.PublicURL != "" {
		return strings.TrimSuffix(c.PublicURL, "/")
	}
	host := bound.String()
	if at, ok := bound.(*net.TCPAddr); ok && slices.ContainsFunc(localhost, at.IP.Equal) {
		host = net.JoinHostPort("localhost", strconv.Itoa(at.Port))
	}
	scheme := "http://"
	if s.security != nil {
		scheme = "https://"
	}
	return scheme + host + c.BasePath
}

// stop drains. The listener closes while publishers answer parked requests and end streams: http.Server.Shutdown waits for
// those, and does not know hijacked connections.
func (s *Server) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	secured := s.security.stopping(ctx)
	closed := make(chan error, 1)
	go func() { closed <- s.http.Shutdown(ctx) }()
	err := s.Drain(ctx)
	if shutErr := <-closed; shutErr != nil { // a request takes too long
		s.log.Warn("requests were cut off at the end of the drain", zap.Error(shutErr))
		err = errors.Join(err, s.http.Close())
	}
	secured()
	s.serving.Wait()
	return err
}
