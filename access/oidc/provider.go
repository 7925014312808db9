package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/zap"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

const (
	knownFor   = time.Hour       // until the server is asked again what it can do
	retryAfter = 2 * time.Second // until a server that did not answer is asked again
)

// provider is what the server says about itself.
type provider struct {
	*oidc.Provider
	issuer     string
	oauth      oauth2.Config
	idTokens   *oidc.IDTokenVerifier
	logouts    *oidc.IDTokenVerifier // for tokens that anybody may have sent
	endSession *url.URL              // where people sign out; nil if it does not say
	namesSelf  bool                  // its answers have iss (RFC 9207)
}

// discovery asks the server what it can do when that is first needed, so this server starts without it.
type discovery struct {
	o       *Options
	http    *http.Client
	log     *zap.Logger
	current atomic.Pointer[known]
	turn    chan struct{} // held while the server is asked

	failed   error // guarded by turn
	failedAt time.Time
}

type known struct {
	*provider
	at time.Time
}

func newDiscovery(o *Options, client *http.Client, log *zap.Logger) *discovery {
	return &discovery{o: o, http: client, log: log, turn: make(chan struct{}, 1)}
}

// get returns what the server says about itself. If it does not answer now, what it said before counts.
func (d *discovery) get(ctx context.Context) (*provider, error) {
	if k := d.current.Load(); k != nil && time.Since(k.at) < knownFor {
		return k.provider, nil
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	last := d.current.Load()
	if last != nil && time.Since(last.at) < knownFor { // another request has asked meanwhile
		return last.provider, nil
	}
	if d.failed == nil || time.Since(d.failedAt) >= retryAfter {
		var p *provider
		if p, d.failed = d.ask(context.WithoutCancel(ctx)); d.failed == nil {
			d.current.Store(&known{p, time.Now()})
			return p, nil
		}
		d.failedAt = time.Now()
		d.log.Warn("an OpenID Connect server does not answer", zap.String("server", d.o.Issuer), zap.String("error", brief(d.failed)))
	}
	if last != nil {
		return last.provider, nil
	}
	return nil, d.failed
}

func (d *discovery) ask(ctx context.Context) (*provider, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, d.http), d.o.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		Keys       string   `json:"jwks_uri"`
		EndSession string   `json:"end_session_endpoint"`
		Secrets    []string `json:"token_endpoint_auth_methods_supported"`
		NamesSelf  bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	for what, at := range map[string]string{
		"authorization_endpoint": endpoint.AuthURL, "token_endpoint": endpoint.TokenURL, "jwks_uri": more.Keys,
		"userinfo_endpoint": found.UserInfoEndpoint(), "end_session_endpoint": more.EndSession,
	} {
		optional := what == "userinfo_endpoint" || what == "end_session_endpoint"
		if u, err := url.Parse(at); (at != "" || !optional) && (err != nil || u.Host == "" || !secure(u)) {
			return nil, fmt.Errorf("what it says about itself has no https URL as %s", what)
		}
	}
	p := &provider{Provider: found, issuer: d.o.Issuer, namesSelf: more.NamesSelf}
	if more.EndSession != "" {
		p.endSession, _ = url.Parse(more.EndSession) // it was parsed above
	}
	endpoint.AuthStyle = authStyle(d.o.ClientSecret, more.Secrets)
	p.oauth = oauth2.Config{ClientID: d.o.ClientID, ClientSecret: d.o.ClientSecret, Endpoint: endpoint, Scopes: d.o.Scopes}
	p.idTokens = found.Verifier(&oidc.Config{ClientID: d.o.ClientID})
	slow := httpClient(limited{d.http.Transport, rate.NewLimiter(rate.Every(5*time.Second), 5)})
	p.logouts = found.VerifierContext(oidc.ClientContext(context.Background(), slow), &oidc.Config{ClientID: d.o.ClientID})
	return p, nil
}

// authStyle says where the server wants the client's secret. By default it is the header (OpenID Connect Discovery, section 3).
func authStyle(secret string, methods []string) oauth2.AuthStyle {
	inHeader := len(methods) == 0 || slices.Contains(methods, "client_secret_basic")
	if secret != "" && (inHeader || !slices.Contains(methods, "client_secret_post")) {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
