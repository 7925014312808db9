package certs

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"github.com/motacilla-live/motacilla"
)

// LetsEncrypt is the directory of the authority that most sites use.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// ACMEOptions say how certificates are asked for.
type ACMEOptions struct {
	Directory string         // URL; default LetsEncrypt
	Email     string         // whom the authority may write to; may be empty
	Roots     *x509.CertPool // who vouches for the directory; nil: whom the system trusts
	EABKey    string         // ID of the key that binds the account to one that was made elsewhere; "" if there is none
	EABSecret string         // the key itself, base64url
	HTTP      bool           // requests to port 80 of the hosts reach Keeper.AnswerHTTP
}

// authority asks a certificate authority for certificates.
type authority struct {
	options ACMEOptions
	vault   *vault
	client  *acmez.Client
	http    *http.Client
}

func newAuthority(o ACMEOptions, v *vault) *authority {
	o.Directory = cmp.Or(o.Directory, LetsEncrypt)
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
	}
	a := &authority{options: o, vault: v, http: &http.Client{Transport: transport, Timeout: time.Minute}}
	solvers := map[string]acmez.Solver{acme.ChallengeTypeTLSALPN01: solver{v, tlsALPN01}}
	if o.HTTP {
		solvers[acme.ChallengeTypeHTTP01] = solver{v, http01}
	}
	a.client = &acmez.Client{
		Client:           &acme.Client{Directory: o.Directory, HTTPClient: a.http, UserAgent: "motacilla"},
		ChallengeSolvers: solvers,
	}
	return a
}

// Issue implements Issuer.
func (a *authority) Issue(ctx context.Context, host string, replaces *x509.Certificate) (chain, key []byte, err error) {
	defer a.http.CloseIdleConnections() // the next request is weeks away
	acct, err := a.account(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("account: %w", err)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	csr, err := acmez.NewCSR(signer, []string{host})
	if err != nil {
		return nil, nil, err
	}
	params, err := acmez.OrderParametersFromCSR(acct, csr)
	if err != nil {
		return nil, nil, err
	}
	if dir, err := a.client.GetDirectory(ctx); err == nil && dir.RenewalInfo != "" {
		params.Replaces = replaces
	}
	chains, err := a.client.ObtainCertificate(ctx, params)
	if err != nil {
		return nil, nil, err
	}
	if len(chains) == 0 {
		return nil, nil, errors.New("the authority has given no certificate")
	}
	key, err = encodeKey(signer)
	return chains[0].ChainPEM, key, err
}

// account returns the account at the directory, and makes one if there is none. To ask for one whose key the directory knows
// returns it (RFC 8555, 7.3.1). So an account is also made anew if the directory has lost it.
func (a *authority) account(ctx context.Context) (acme.Account, error) {
	kept, err := a.kept(ctx)
	if err != nil {
		return acme.Account{}, err
	}
	signer, err := decodeKey(kept.Key)
	if err != nil {
		return acme.Account{}, err
	}
	want := acme.Account{PrivateKey: signer, TermsOfServiceAgreed: true}
	if a.options.Email != "" {
		want.Contact = []string{"mailto:" + a.options.Email}
	}
	if a.options.EABKey != "" {
		eab := acme.EAB{KeyID: a.options.EABKey, MACKey: a.options.EABSecret}
		if err := want.SetExternalAccountBinding(ctx, a.client.Client, eab); err != nil {
			return acme.Account{}, fmt.Errorf("external account binding: %w", err)
		}
	}
	got, err := a.client.NewAccount(ctx, want)
	if err != nil || kept.Email == a.options.Email {
		return got, err
	}
	got.Contact = want.Contact
	if got, err = a.client.UpdateAccount(ctx, got); err != nil {
		return got, err
	}
	kept.Email = a.options.Email
	_, err = a.vault.put(ctx, a.accountKey(), kept.version, 0, kept)
	return got, err
}

func (a *authority) accountKey() string {
	hash := sha256.Sum256([]byte(a.options.Directory))
	return accountPrefix + hex.EncodeToString(hash[:8])
}

// kept returns the account that nodes share. Its key is stored before the directory knows it.
func (a *authority) kept(ctx context.Context) (account, error) {
	var kept account
	for {
		r, err := a.vault.get(ctx, a.accountKey(), &kept)
		if err == nil && a.vault.seal.isPlain(r.Value) { // it was stored before there was a secret
			r.Version, err = a.vault.put(ctx, a.accountKey(), r.Version, 0, kept)
		}
		if !errors.Is(err, motacilla.ErrNotFound) {
			kept.version = r.Version
			return kept, err
		}
		signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return account{}, err
		}
		key, err := encodeKey(signer)
		if err != nil {
			return account{}, err
		}
		made := account{Directory: a.options.Directory, Email: a.options.Email, Key: string(key)}
		made.version, err = a.vault.put(ctx, a.accountKey(), 0, 0, made)
		if !errors.Is(err, motacilla.ErrConflict) { // otherwise another node was faster
			return made, err
		}
	}
}

// Window implements Issuer by the authority's renewal information (RFC 9773).
func (a *authority) Window(ctx context.Context, cert *x509.Certificate) (Window, error) {
	defer a.http.CloseIdleConnections()
	info, err := a.client.GetRenewalInfo(ctx, cert)
	if err != nil {
		return Window{}, err
	}
	w := Window{Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End, Chosen: info.SelectedTime}
	if info.RetryAfter != nil {
		w.Again = *info.RetryAfter
	}
	return w, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

var errAccountKey = errors.New("the account's key can't be read")

func decodeKey(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errAccountKey
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errAccountKey
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errAccountKey
	}
	return signer, nil
}
