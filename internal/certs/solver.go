package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"github.com/motacilla-live/motacilla"
)

// solver stores challenges for all nodes: the authority may ask any of them.
type solver struct {
	vault *vault
	kind  string
}

// Present implements acmez.Solver.
func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	return s.vault.challenge(ctx, s.kind, s.name(c), c)
}

// CleanUp implements acmez.Solver. The context of an attempt that failed may have ended.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return s.vault.forget(ctx, s.kind, s.name(c))
}

func (s solver) name(c acme.Challenge) string {
	if s.kind == http01 {
		return c.Token
	}
	return c.Identifier.Value
}

// wellKnown is where an authority asks for the answer to an HTTP-01 challenge. The token follows.
const wellKnown = "/.well-known/acme-challenge/"

// answerTimeout bounds how long a challenge waits for the store.
const answerTimeout = 10 * time.Second

// AnswerHTTP answers the request if it is that of an HTTP-01 challenge, on whichever node it was begun. Otherwise it calls next.
func (k *Keeper) AnswerHTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, is := strings.CutPrefix(r.URL.Path, wellKnown)
		if !is || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		_, known := k.table.known(r.Host)
		if !known || !isToken(token) {
			http.NotFound(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
		defer cancel()
		var c acme.Challenge
		switch _, err := k.vault.get(ctx, challengeKey(http01, token), &c); {
		case errors.Is(err, motacilla.ErrNotFound):
			http.NotFound(w, r)
		case err != nil:
			http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write([]byte(c.KeyAuthorization))
		}
	})
}

// Protocol is the protocol by which an authority asks for the answer to a TLS-ALPN-01 challenge, in a handshake. It must be among
// the NextProtos of the server.
const Protocol = acmez.ACMETLS1Protocol

// GetCertificate is for tls.Config. It also answers TLS-ALPN-01 challenges, on whichever node they were begun.
func (k *Keeper) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !slices.Contains(hello.SupportedProtos, Protocol) {
		return k.table.Certificate(hello.ServerName)
	}
	host, known := k.table.known(hello.ServerName)
	if !known {
		return nil, errors.New("a challenge for a host that is not configured")
	}
	ctx, cancel := context.WithTimeout(hello.Context(), answerTimeout)
	defer cancel()
	var c acme.Challenge
	if _, err := k.vault.get(ctx, challengeKey(tlsALPN01, host), &c); err != nil {
		return nil, err
	}
	return acmez.TLSALPN01ChallengeCert(c)
}
