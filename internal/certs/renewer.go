package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// attemptTimeout bounds an attempt, so that an authority that hangs keeps no other host waiting for long.
const attemptTimeout = 10 * time.Minute

// lookAgain is the longest time between two looks at what is due.
const lookAgain = time.Minute

// renewer renews certificates while this node has the lease.
type renewer struct {
	*Keeper
	states map[string]*state
}

// state is what is known of a host.
type state struct {
	failures int       // in a row
	next     time.Time // not before that is there another attempt
	window   Window    // of the certificate of this version
	version  int64
	ask      time.Time // when to ask for the window again
	unsaved  *issued   // the store did not take it
}

func newRenewer(k *Keeper) *renewer {
	r := &renewer{Keeper: k, states: map[string]*state{}}
	for _, host := range k.hosts {
		r.states[host] = &state{}
	}
	return r
}

// run renews what is due until ctx ends.
func (r *renewer) run(ctx context.Context, _ *work.Term) {
	for {
		stored, err := r.vault.certificates(ctx, r.hosts)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("certificates can't be read, and are not renewed", zap.Error(err))
		}
		next := lookAgain
		if err == nil {
			for _, host := range r.hosts {
				next = min(next, r.look(ctx, host, stored[host]))
			}
		}
		if !pause(ctx, max(next, time.Second)) {
			return
		}
	}
}

// look renews a host's certificate if it is due, and returns how long there is nothing more to do for the host.
func (r *renewer) look(ctx context.Context, host string, now *issued) time.Duration {
	s := r.states[host]
	if s.unsaved != nil {
		r.save(ctx, host, s, now)
		return lookAgain
	}
	at, old := r.due(ctx, host, s, now)
	if s.next.After(at) {
		at = s.next
	}
	if left := time.Until(at); left > 0 {
		r.protect(ctx, host, now)
		return left
	}
	if ctx.Err() == nil {
		r.renew(ctx, host, s, now, old)
	}
	return time.Until(s.next)
}

// due returns when the certificate is to be renewed. One that is missing, can't be read or is from another authority is due at
// once.
func (r *renewer) due(ctx context.Context, host string, s *state, now *issued) (time.Time, *tls.Certificate) {
	if now == nil {
		return time.Time{}, nil
	}
	cert, err := parse([]byte(now.Chain), []byte(now.Key))
	if err != nil || now.Directory != r.directory || cert.Leaf.VerifyHostname(host) != nil {
		return time.Time{}, nil
	}
	if s.version != now.version {
		s.version, s.window, s.ask = now.version, Window{}, time.Time{}
	}
	if now := time.Now(); !now.Before(s.ask) {
		r.ask(ctx, s, cert.Leaf, now)
	}
	return dueAt(cert.Leaf, s.window), cert
}

// ask asks the authority for the window. If it does not say, the window before counts.
func (r *renewer) ask(ctx context.Context, s *state, cert *x509.Certificate, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w, err := r.issuer.Window(ctx, cert)
	if err != nil {
		s.ask = now.Add(usualWindow)
		return
	}
	s.ask = w.askAgain(now)
	if !w.Start.Equal(s.window.Start) || !w.End.Equal(s.window.End) { // otherwise the time that was chosen before counts
		s.window = w
	}
}

func (r *renewer) renew(ctx context.Context, host string, s *state, now *issued, old *tls.Certificate) {
	attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	var replaces *x509.Certificate
	if old != nil && s.failures == 0 { // the authority may have forgotten the one before
		replaces = old.Leaf
	}
	r.log.Info("a certificate is asked for", zap.String("host", host), zap.String("directory", r.directory))
	chain, key, err := r.issuer.Issue(attempt, host, replaces)
	var cert *tls.Certificate
	if err == nil {
		cert, err = parse(chain, key)
	}
	if err == nil {
		err = cert.Leaf.VerifyHostname(host)
	}
	if err != nil {
		if ctx.Err() == nil { // otherwise the server stops, or the lease is lost
			r.missed(host, s, old, err)
		}
		return
	}
	r.renewed.Add(1)
	s.failures, s.next = 0, time.Time{}
	r.log.Info("a certificate is issued", zap.String("host", host), zap.Time("not_after", cert.Leaf.NotAfter))
	r.table.Set(host, cert) // it counts even if the store does not take it
	s.unsaved = &issued{Directory: r.directory, Chain: string(chain), Key: string(key)}
	r.save(ctx, host, s, now)
}

// missed says when the next attempt is.
func (r *renewer) missed(host string, s *state, old *tls.Certificate, err error) {
	s.failures++
	again := wait(s.failures)
	s.next = time.Now().Add(again)
	r.failed.Add(1)
	log := r.log.With(zap.String("host", host), zap.Int("failures", s.failures), zap.Duration("again", again.Round(time.Second)))
	if old == nil {
		log.Error("no certificate is issued, and there is none", zap.Error(err))
		return
	}
	days := time.Until(old.Leaf.NotAfter).Hours() / 24
	log.Warn("the certificate is not renewed; the old one goes on", zap.Error(err),
		zap.Time("not_after", old.Leaf.NotAfter), zap.Int("days_left", int(days)))
}

// save stores the host's new certificate. now is what is stored.
func (r *renewer) save(ctx context.Context, host string, s *state, now *issued) {
	if now != nil {
		s.unsaved.version = now.version
	}
	err := r.vault.save(ctx, host, s.unsaved)
	switch {
	case err == nil:
		s.unsaved = nil
	case errors.Is(err, motacilla.ErrConflict): // the next look reads what is there
		r.log.Warn("another node has stored a certificate meanwhile", zap.String("host", host))
	case ctx.Err() == nil:
		r.log.Warn("a new certificate is not stored yet, so other nodes do not have it", zap.String("host", host), zap.Error(err))
	}
}

// protect encrypts a record that was stored before there was a secret.
func (r *renewer) protect(ctx context.Context, host string, now *issued) {
	if now == nil || !now.plain {
		return
	}
	if err := r.vault.save(ctx, host, now); err != nil && ctx.Err() == nil {
		r.log.Warn("a certificate's record is not encrypted yet", zap.String("host", host), zap.Error(err))
	}
}
