package certs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/crypto/ocsp"
)

// maxAnswer bounds an answer of OCSP, in bytes.
const maxAnswer = 64 << 10

// Stapler adds answers of OCSP to the certificates of a table, for those that name a responder. Many authorities have none any
// more.
type Stapler struct {
	table  *Table
	log    *zap.Logger
	client *http.Client
	states map[[sha256.Size]byte]*stapled // by certificate
}

// stapled is what is known of a certificate's answer.
type stapled struct {
	failures int
	next     time.Time // when to ask again
	ends     time.Time // when the answer in use is no longer good; zero: there is none
}

// NewStapler returns a stapler for the certificates of table.
func NewStapler(table *Table, log *zap.Logger) *Stapler {
	return &Stapler{
		table: table, log: log, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}},
		states: map[[sha256.Size]byte]*stapled{},
	}
}

// Run keeps the answers fresh until ctx ends.
func (s *Stapler) Run(ctx context.Context) {
	for {
		s.look(ctx)
		timer := time.NewTimer(time.Minute)
		select {
		case <-timer.C:
		case <-s.table.changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (s *Stapler) look(ctx context.Context) {
	states := map[[sha256.Size]byte]*stapled{}
	for host, cert := range s.table.All() {
		if len(cert.Leaf.OCSPServer) == 0 {
			continue
		}
		id := sha256.Sum256(cert.Leaf.Raw)
		state := s.states[id]
		if state == nil {
			state = &stapled{}
		}
		states[id] = state
		s.refresh(ctx, host, cert, state)
	}
	s.states = states
}

func (s *Stapler) refresh(ctx context.Context, host string, cert *tls.Certificate, state *stapled) {
	now := time.Now()
	if cert.OCSPStaple == nil {
		state.ends = time.Time{} // the certificate was read again
	} else if !state.ends.IsZero() && !now.Before(state.ends) {
		s.table.staple(host, cert, nil)
	}
	if now.Before(state.next) && (cert.OCSPStaple != nil || state.failures > 0) {
		return
	}
	raw, answer, err := s.ask(ctx, cert)
	if err != nil {
		if ctx.Err() == nil {
			state.failures++
			state.next = now.Add(wait(state.failures))
			s.log.Warn("there is no new OCSP answer", zap.Strings("hosts", cert.Leaf.DNSNames), zap.Error(err))
		}
		return
	}
	state.failures = 0
	state.ends = answer.NextUpdate
	state.next = answer.ThisUpdate.Add(answer.NextUpdate.Sub(answer.ThisUpdate) / 2)
	if state.ends.IsZero() { // newer answers are there at any time
		state.ends, state.next = now.Add(24*time.Hour), now.Add(time.Hour)
	}
	if state.next.Before(now) {
		state.next = now.Add(time.Minute)
	}
	s.table.staple(host, cert, raw)
}

var errNoIssuer = errors.New("the chain has no certificate of the issuer")

// ask returns the responder's answer, which must say that the certificate is good.
func (s *Stapler) ask(ctx context.Context, cert *tls.Certificate) ([]byte, *ocsp.Response, error) {
	if len(cert.Certificate) < 2 {
		return nil, nil, errNoIssuer
	}
	issuer, err := x509.ParseCertificate(cert.Certificate[1])
	if err != nil {
		return nil, nil, err
	}
	question, err := ocsp.CreateRequest(cert.Leaf, issuer, nil)
	if err != nil {
		return nil, nil, err
	}
	raw, err := s.post(ctx, cert.Leaf.OCSPServer[0], question)
	if err != nil {
		return nil, nil, err
	}
	answer, err := ocsp.ParseResponseForCert(raw, cert.Leaf, issuer)
	switch {
	case err != nil:
		return nil, nil, err
	case answer.Status == ocsp.Revoked:
		return nil, nil, errors.New("the certificate is revoked")
	case answer.Status != ocsp.Good:
		return nil, nil, errors.New("the responder does not know the certificate")
	case !answer.NextUpdate.IsZero() && time.Now().After(answer.NextUpdate):
		return nil, nil, errors.New("the answer is out of date")
	}
	return raw, answer, nil
}

func (s *Stapler) post(ctx context.Context, responder string, question []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, responder, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", responder, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}
