package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"

	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Admin is the listener for whoever runs the server, if server.admin names one.
type Admin struct {
	addr       address
	listeners  *listeners
	log        *zap.Logger
	shutdowner fx.Shutdowner

	http    *http.Server // nil if there is no such listener
	bound   atomic.Value // a string
	serving sync.WaitGroup
}

func newAdmin(
	lc fx.Lifecycle, shutdowner fx.Shutdowner, c *Config, o *operations, ls *listeners, log *zap.Logger,
) (*Admin, error) {
	a := &Admin{listeners: ls, log: log, shutdowner: shutdowner}
	if c.Server.Admin == "" {
		return a, nil
	}
	var err error
	if a.addr, err = c.Server.address(c.Server.Admin); err != nil {
		return nil, fmt.Errorf("server.admin: %w", err)
	}
	routes := route.NewTable()
	if err := routes.Add("the admin listener", "/", o.own()...); err != nil {
		return nil, err
	}
	all := http.NewServeMux()
	all.Handle("/", routes)
	if c.Server.Pprof {
		profiles(all)
	}
	if a.http, err = newHTTP(all, log.Named("admin")); err != nil {
		return nil, err
	}
	lc.Append(fx.Hook{OnStart: a.start, OnStop: a.stop})
	return a, nil
}

// profiles adds Go's profiles. The import of net/http/pprof also adds them to http.DefaultServeMux, which nothing here serves.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// Addr returns the address that the admin listener has, as "127.0.0.1:9090" or "unix:/run/motacilla/admin.sock". It is empty if
// there is none, and before the app has started.
func (a *Admin) Addr() string {
	b, _ := a.bound.Load().(string)
	return b
}

func (a *Admin) start(ctx context.Context) error {
	ln, err := a.listeners.listen(ctx, listenAdmin, a.addr, "server.admin")
	if err != nil {
		return err
	}
	a.bound.Store(a.addr.shown(ln))
	a.log.Info("listening for operators", zap.String("addr", a.Addr()))
	a.serving.Go(func() {
		if err := a.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the admin listener failed", zap.Error(err))
			if err := a.shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
				a.log.Error("shut down", zap.Error(err))
			}
		}
	})
	return nil
}

// stop does not wait for requests: a profile may take long, and readers are gone by then.
func (a *Admin) stop(context.Context) error {
	err := a.http.Close()
	a.serving.Wait()
	return err
}

// validateAddresses checks where the server listens.
func (s *ServerSettings) validateAddresses() error {
	_, wrongAddr := parseAddress(s.Addr)
	errs := []error{at("server.addr", wrongAddr)}
	if s.Admin != "" {
		_, err := parseAddress(s.Admin)
		if err == nil && s.Admin == s.Addr && !anyPort(s.Addr) {
			err = errors.New("must be another address than server.addr")
		}
		errs = append(errs, at("server.admin", err))
	} else if s.Pprof {
		errs = append(errs, errors.New("server.pprof: needs server.admin: profiles are never served to the public"))
	}
	_, err := parseMode(s.SocketMode)
	return errors.Join(append(errs, at("server.socket_mode", err))...)
}

// at returns err with the key that it is about; nil for nil.
func at(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}
