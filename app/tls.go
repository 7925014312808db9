package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/certs"
	"github.com/motacilla-live/motacilla/live"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// security is what a server that speaks TLS has. It is nil if the server does not.
type security struct {
	settings TLSSettings
	config   *tls.Config
	table    *certs.Table
	files    *certs.Files  // nil if ACME is used
	keeper   *certs.Keeper // nil if files are used
	redirect *redirect     // nil if nothing is redirected
	metrics  *tlsMetrics
	log      *zap.Logger

	cancel  context.CancelFunc
	running sync.WaitGroup
}

type securityIn struct {
	fx.In

	Config   *Config
	Records  motacilla.Records
	Registry *prometheus.Registry
	Log      *zap.Logger
}

// newSecurity reads the certificate files, if the configuration names any. An error begins with the key that is wrong.
func newSecurity(in securityIn) (*security, error) {
	t := in.Config.Server.TLS
	if !t.On() {
		return nil, nil
	}
	s := &security{settings: t, log: in.Log.Named("tls"), metrics: &tlsMetrics{}}
	var err error
	if t.Cert != "" {
		err = s.useFiles()
	} else {
		err = s.useACME(in.Records, in.Config.Storage.Type)
	}
	if err != nil {
		return nil, err
	}
	s.config.MinVersion = tls.VersionTLS12
	if t.MinVersion == "1.3" {
		s.config.MinVersion = tls.VersionTLS13
	}
	s.config.CipherSuites = strongSuites()
	protocols := []string{"http/1.1"}
	if t.HTTP2 {
		protocols = []string{"h2", "http/1.1"}
	}
	s.config.NextProtos = append(protocols, s.config.NextProtos...)
	if t.RedirectFrom != "" {
		if s.redirect, err = newRedirect(in.Config, s.table, s.keeper, s.log); err != nil {
			return nil, err
		}
	}
	return s, in.Registry.Register(s.metrics.of(s))
}

func (s *security) useFiles() (err error) {
	s.table = certs.NewTable()
	s.config = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return s.table.Certificate(h.ServerName) }}
	s.files, err = certs.NewFiles(s.settings.Cert, s.settings.Key, s.table, s.log, func() { s.metrics.unread.Add(1) })
	return err
}

func (s *security) useACME(records motacilla.Records, store string) error {
	a := s.settings.ACME
	o := certs.Options{Hosts: a.Hosts, Records: records, Secret: a.Secret, Logger: s.log, ACME: certs.ACMEOptions{
		Directory: a.Directory, Email: a.Email, EABKey: a.EABID, EABSecret: a.EABKey, HTTP: s.settings.RedirectFrom != "",
	}}
	if a.Roots != "" {
		roots, err := certs.Roots(a.Roots)
		if err != nil {
			return fmt.Errorf("server.tls.acme.roots: %w", err)
		}
		o.ACME.Roots = roots
	}
	if store == "memory" {
		s.log.Warn("the store keeps certificates only as long as this process runs; authorities limit how many they issue a week")
	}
	var err error
	if s.keeper, err = certs.NewKeeper(o); err != nil {
		return err
	}
	s.table = s.keeper.Table()
	s.config = &tls.Config{GetCertificate: s.keeper.GetCertificate, NextProtos: []string{certs.Protocol}}
	return nil
}

// strongSuites returns the suites for TLS 1.2 that have forward secrecy and authenticated encryption. All browsers of the last
// ten years have one of them. TLS 1.3 has no others.
func strongSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// secure prepares server for TLS, and returns what is to listen in the place of ln. A nil security changes nothing.
func (s *security) secure(server *http.Server, ln net.Listener) net.Listener {
	if s == nil {
		return ln
	}
	server.TLSConfig = s.config
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(s.settings.HTTP2)
	server.ErrorLog = s.metrics.count(server.ErrorLog)
	if s.settings.HSTS > 0 {
		server.Handler = strict(server.Handler, s.settings.HSTS)
	}
	return live.TLSListener(ln, s.config)
}

// strict tells browsers to use only https for so long (RFC 6797). They must not be told by http.
func strict(next http.Handler, age time.Duration) http.Handler {
	value := "max-age=" + strconv.FormatInt(int64(age/time.Second), 10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", value)
		}
		next.ServeHTTP(w, r)
	})
}

// load reads the certificates that are stored, before the server listens.
func (s *security) load(ctx context.Context) error {
	if s == nil || s.keeper == nil {
		return nil
	}
	return s.keeper.Load(ctx)
}

// start begins to look after the certificates, when the server at addr listens.
func (s *security) start(ctx context.Context, addr net.Addr, ls *listeners) error {
	if s == nil {
		return nil
	}
	if s.redirect != nil {
		if err := s.redirect.start(ctx, addr, ls); err != nil {
			return err
		}
	}
	background, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if s.files != nil {
		s.running.Go(func() { s.files.Run(background) })
	}
	if s.settings.OCSP {
		s.running.Go(func() { certs.NewStapler(s.table, s.log).Run(background) })
	}
	if s.keeper != nil {
		s.keeper.Start()
	}
	return nil
}

// stopping ends all that start began, and returns a function that waits for the end.
func (s *security) stopping(ctx context.Context) (wait func()) {
	if s == nil {
		return func() {}
	}
	var all sync.WaitGroup
	all.Go(func() { s.stop(ctx) })
	return all.Wait
}

// stop returns when all has ended. It may be called without start.
func (s *security) stop(ctx context.Context) {
	if s.cancel != nil {
		s.cancel()
	}
	if s.keeper != nil {
		s.keeper.Stop()
	}
	if s.redirect != nil {
		s.redirect.stop(ctx)
	}
	s.running.Wait()
}
