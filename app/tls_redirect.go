package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla/internal/certs"
	"go.uber.org/zap"
)

// redirect sends requests by http on to https. It also answers the HTTP-01 challenges of ACME.
type redirect struct {
	addr    string
	public  string                   // host, and port if it is not 443, that readers use; "" if it is not configured
	named   func(host string) string // see certs.Table
	port    string                   // of the https listener; set by start, before there are requests
	log     *zap.Logger
	http    *http.Server
	bound   net.Addr
	serving sync.WaitGroup
}

func newRedirect(c *Config, table *certs.Table, keeper *certs.Keeper, log *zap.Logger) (*redirect, error) {
	r := &redirect{addr: c.Server.TLS.RedirectFrom, named: table.Named, log: log}
	if c.Server.PublicURL != "" {
		u, err := url.Parse(c.Server.PublicURL)
		if err != nil { // validate has checked it
			return nil, err
		}
		r.public = u.Host
	}
	var handler http.Handler = r
	if keeper != nil {
		handler = keeper.AnswerHTTP(handler)
	}
	errorLog, err := zap.NewStdLogAt(log.Named("redirect"), zap.DebugLevel)
	if err != nil {
		return nil, err
	}
	r.http = &http.Server{
		Handler: handler, ErrorLog: errorLog, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: headTimeout, ReadTimeout: headTimeout, WriteTimeout: 30 * time.Second, IdleTimeout: 30 * time.Second,
	}
	return r, nil
}

// ServeHTTP sends a request on. One that is more than a question is refused: what it brought was already read on the way.
func (r *redirect) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Connection", "close") // the next request goes elsewhere
	host := r.hostFor(req.Host)
	if host == "" {
		plainText(w, http.StatusBadRequest, "use https")
		return
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		plainText(w, http.StatusForbidden, "use https: a request by http can be read, and changed, by others")
		return
	}
	to := url.URL{Scheme: "https", Host: host, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	http.Redirect(w, req, to.String(), http.StatusPermanentRedirect)
}

// hostFor returns where a request for host is sent, or "" if host is none. That is a host of the server, whatever the request names: a
// cache may keep the answer for others.
func (r *redirect) hostFor(host string) string {
	if r.public != "" {
		return r.public
	}
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if host == "" || strings.ContainsAny(host, "/@?#\\ ") {
		return ""
	}
	if host = r.named(host); host == "" {
		return ""
	}
	if r.port != "443" {
		return net.JoinHostPort(host, r.port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// start listens. https is the address of the https listener.
func (r *redirect) start(ctx context.Context, https net.Addr, ls *listeners) error {
	if _, port, err := net.SplitHostPort(https.String()); err == nil {
		r.port = port
	}
	ln, err := ls.listen(ctx, listenRedirect, address{network: "tcp", at: r.addr}, "server.tls.redirect_from")
	if err != nil {
		return err
	}
	r.bound = ln.Addr()
	r.log.Info("redirecting to https", zap.String("addr", ln.Addr().String()))
	r.serving.Go(func() {
		if err := r.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("redirects to https ended", zap.Error(err))
		}
	})
	return nil
}

func (r *redirect) stop(ctx context.Context) {
	if err := r.http.Shutdown(ctx); err != nil {
		_ = r.http.Close()
	}
	r.serving.Wait()
}
