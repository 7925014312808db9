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

	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

const (
	headTimeout = 10 * time.Second // for the head of a request
	bodyTimeout = 60 * time.Second // for its body
	idleTimeout = 2 * time.Minute  // between requests on a connection
	maxHead     = 64 << 10         // bytes

	// drainTimeout leaves the rest of StopTimeout to receivers, feed and store.
	drainTimeout = 7 * time.Second
)

// Server is the HTTP server with all routes.
type Server struct {
	config     *Config
	store      storage.Store
	access     *access
	page       *page.Page
	offers     *offers
	publishers []configured[publisher.Publisher]
	receivers  []configured[receiver.Receiver]
	own        []route.Route
	metrics    *metrics
	log        *zap.Logger
	shutdowner fx.Shutdowner

	table    *route.Table
	handler  http.Handler // the table, behind the limit on requests
	http     *http.Server
	addr     atomic.Pointer[net.TCPAddr]
	draining atomic.Bool
	serving  sync.WaitGroup
}

type serverIn struct {
	fx.In

	Lifecycle  fx.Lifecycle
	Shutdowner fx.Shutdowner
	Config     *Config
	Store      storage.Store
	Access     *access
	Page       *page.Page
	Offers     *offers
	Publishers []configured[publisher.Publisher] `group:"configured"`
	Receivers  []configured[receiver.Receiver]   `group:"configured"`
	Own        []route.Route                     `group:"routes"`
	Metrics    *metrics
	Log        *zap.Logger
}

func newServer(in serverIn) (*Server, error) {
	s := &Server{
		config: in.Config, store: in.Store, access: in.Access, page: in.Page, offers: in.Offers,
		publishers: inListOrder(in.Publishers), receivers: inListOrder(in.Receivers), own: in.Own, metrics: in.Metrics, log: in.Log,
		shutdowner: in.Shutdowner,
	}
	if err := s.mount(); err != nil {
		return nil, err
	}
	errorLog, err := zap.NewStdLogAt(in.Log.Named("http"), zap.DebugLevel)
	if err != nil {
		return nil, fmt.Errorf("log of the HTTP server: %w", err)
	}
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead, ErrorLog: errorLog,
	}
	in.Lifecycle.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

// Addr returns the address that the server listens on. It is nil before the app has started.
func (s *Server) Addr() net.Addr {
	if a := s.addr.Load(); a != nil {
		return a
	}
	return nil
}

// URL returns the path of the route of that name, as [route.Table.URL] does.
func (s *Server) URL(name string, params ...string) (string, error) {
	return s.table.URL(name, params...)
}

func (s *Server) start(ctx context.Context) error {
	for _, p := range s.publishers {
		starter, ok := p.it.(publisher.Starter)
		if !ok {
			continue
		}
		if err := starter.Start(ctx); err != nil {
			return errors.Join(fmt.Errorf("start %s: %w", p.at, err), s.shutdownPublishers(ctx))
		}
	}
	ln, err := listen(ctx, s.config.Server.Addr)
	if err != nil {
		return errors.Join(listenError(s.config.Server.Addr, err), s.shutdownPublishers(ctx))
	}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.addr.Store(a)
	}
	s.log.Info("listening", zap.String("addr", ln.Addr().String()))
	s.serving.Go(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the HTTP server failed", zap.Error(err))
			if err := s.shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
				s.log.Error("shut down", zap.Error(err))
			}
		}
	})
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
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.http.Shutdown(ctx) }()
	err := s.shutdownPublishers(ctx)
	if shutErr := <-closed; shutErr != nil { // a request takes too long
		s.log.Warn("requests were cut off at the end of the drain", zap.Error(shutErr))
		err = errors.Join(err, s.http.Close())
	}
	s.serving.Wait()
	return err
}

func (s *Server) shutdownPublishers(ctx context.Context) error {
	errs := make([]error, len(s.publishers))
	var all sync.WaitGroup
	for i, p := range s.publishers {
		all.Go(func() {
			if err := p.it.Shutdown(ctx); err != nil {
				errs[i] = fmt.Errorf("shut down %s: %w", p.at, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
