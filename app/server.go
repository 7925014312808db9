package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

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

	addr       string // to listen on
	log        *zap.Logger
	shutdowner fx.Shutdowner
	security   *security // nil if the server does not speak TLS

	http    *http.Server
	bound   atomic.Pointer[net.TCPAddr]
	serving sync.WaitGroup
}

func newServer(
	lc fx.Lifecycle, shutdowner fx.Shutdowner, c *Config, site *live.Live, tls *security, log *zap.Logger,
) (*Server, error) {
	s := &Server{Live: site, addr: c.Server.Addr, log: log, shutdowner: shutdowner, security: tls}
	errorLog, err := zap.NewStdLogAt(log.Named("http"), zap.DebugLevel)
	if err != nil {
		return nil, fmt.Errorf("log of the HTTP server: %w", err)
	}
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead, ErrorLog: errorLog,
	}
	lc.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

// Addr returns the address that the server listens on. It is nil before the app has started.
func (s *Server) Addr() net.Addr {
	if a := s.bound.Load(); a != nil {
		return a
	}
	return nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.security.load(ctx); err != nil {
		return err
	}
	ln, err := listen(ctx, s.addr)
	if err != nil {
		return listenError(s.addr, err)
	}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.bound.Store(a)
	}
	s.log.Info("listening", zap.String("addr", ln.Addr().String()))
	served := s.security.secure(s.http, ln)
	s.serving.Go(func() {
		if err := s.http.Serve(served); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the HTTP server failed", zap.Error(err))
			if err := s.shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
				s.log.Error("shut down", zap.Error(err))
			}
		}
	})
	if err := s.security.start(ctx, ln.Addr()); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another program listens there; stop it, or choose another address "+
			"with server.addr", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen on %s: not permitted; choose a port from 1024 on with server.addr", addr)
	}
	return fmt.Errorf("listen on %s: %w; choose another address with server.addr", addr, err)
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
