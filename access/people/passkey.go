package people

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"go.uber.org/zap"
)

const mostPasskeys = 20 // of a person

// passkey is a public key as it is kept.
type passkey struct {
	ID         []byte    `json:"id"`
	Key        []byte    `json:"key"` // as COSE has it
	Label      string    `json:"label,omitempty"`
	Created    time.Time `json:"created"`
	Used       time.Time `json:"used,omitzero"`
	Count      uint32    `json:"count,omitempty"`    // how often it has signed, if it counts
	Eligible   bool      `json:"eligible,omitempty"` // it may be kept on several devices
	BackedUp   bool      `json:"backed_up,omitempty"`
	Transports []string  `json:"transports,omitempty"`
}

// public returns what its owner sees of it.
func (k passkey) public() access.Passkey {
	out := access.Passkey{ID: encodeID(k.ID), Label: k.Label, Created: k.Created.Format(time.RFC3339)}
	if !k.Used.IsZero() {
		out.Used = k.Used.Format(time.RFC3339)
	}
	return out
}

func publicPasskeys(keys []passkey) []access.Passkey {
	list := make([]access.Passkey, 0, len(keys))
	for _, k := range keys {
		list = append(list, k.public())
	}
	return list
}

// newPasskey returns a credential as it is kept.
func newPasskey(c *webauthn.Credential, label string) passkey {
	k := passkey{
		ID: c.ID, Key: c.PublicKey, Label: label, Created: time.Now().UTC().Truncate(time.Second), Count: c.Authenticator.SignCount,
		Eligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
	}
	for _, t := range c.Transport {
		if len(k.Transports) < 8 && len(t) < 32 {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k
}

// credential returns the passkey as the library takes it.
func (k passkey) credential() webauthn.Credential {
	c := webauthn.Credential{ID: k.ID, PublicKey: k.Key}
	c.Flags.BackupEligible, c.Flags.BackupState = k.Eligible, k.BackedUp
	c.Flags.UserPresent, c.Flags.UserVerified = true, true
	c.Authenticator.SignCount = k.Count
	for _, t := range k.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

// user is a person as the library takes it.
type user struct {
	handle      []byte
	login, name string
	keys        []webauthn.Credential
}

func userOf(one *person) *user {
	u := &user{handle: one.Handle, login: one.login, name: one.Name}
	for _, k := range one.Passkeys {
		u.keys = append(u.keys, k.credential())
	}
	return u
}

func (u *user) WebAuthnID() []byte                         { return u.handle }
func (u *user) WebAuthnName() string                       { return u.login }
func (u *user) WebAuthnDisplayName() string                { return u.name }
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// origin returns the origin of the site's pages for readers.
func (p *People) origin(r *http.Request) *url.URL {
	if public, err := url.Parse(p.kit.Site().URL); err == nil && public.Host != "" {
		return &url.URL{Scheme: public.Scheme, Host: strings.ToLower(public.Host)}
	}
	u := &url.URL{Scheme: "http", Host: strings.ToLower(r.Host)}
	if p.kit.Site().Secure(r) {
		u.Scheme = "https"
	}
	return u
}

// byPasskey reports whether browsers have passkeys at this address. They need https, or localhost, and a name: passkeys belong to it.
func (p *People) byPasskey(r *http.Request) bool {
	u := p.origin(r)
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || protocol.ValidateRPID(host) != nil {
		return false
	}
	return u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// relyingParty returns what checks passkeys of this address. ErrNotFound: there are none at it.
func (p *People) relyingParty(r *http.Request) (*webauthn.WebAuthn, error) {
	if !p.byPasskey(r) {
		return nil, fmt.Errorf("passkeys need a name and https, or localhost: %w", motacilla.ErrNotFound)
	}
	u := p.origin(r)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		u.Host = u.Hostname() // browsers leave the port out
	}
	resident := true
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: u.Hostname(), RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// It is all that somebody signs in with: it must know the account, and who holds it.
			RequireResidentKey: &resident, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
		// Keepers of passkeys send outputs that nobody has asked for. Nothing here reads them.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: challengeLife, TimeoutUVD: challengeLife},
			Registration: webauthn.TimeoutConfig{Timeout: challengeLife, TimeoutUVD: challengeLife},
		},
	})
}

// errPasskey is for all passkeys that are not accepted.
var errPasskey = fmt.Errorf("%w: the passkey is not known here, or it was not accepted", motacilla.ErrUnauthorized)

// register begins a passkey of a person.
func register(rp *webauthn.WebAuthn, u *user) (options jsontext.Value, session *webauthn.SessionData, err error) {
	var known []protocol.CredentialDescriptor
	for _, k := range u.keys {
		known = append(known, k.Descriptor())
	}
	creation, session, err := rp.BeginRegistration(u, webauthn.WithExclusions(known),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return nil, nil, err
	}
	options, err = json.Marshal(creation.Response)
	return options, session, err
}

// assert begins signing in by a passkey, whosever it is.
func assert(rp *webauthn.WebAuthn) (options jsontext.Value, session *webauthn.SessionData, err error) {
	assertion, session, err := rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, err
	}
	options, err = json.Marshal(assertion.Response)
	return options, session, err
}

// registered returns the passkey that a browser has made. The error is an ErrInvalid.
func (p *People) registered(
	rp *webauthn.WebAuthn, u *user, session *webauthn.SessionData, credential []byte, label string,
) (passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err == nil {
		// What a maker says of its device is not asked for. If it is sent, it is not looked at: it takes parsers of certificates
		// and of TPMs, and some of what it says is wrong.
		object := &parsed.Response.AttestationObject
		object.Format, object.AttStatement = string(protocol.AttestationFormatNone), nil
		var made *webauthn.Credential
		if made, err = rp.CreateCredential(u, *session, parsed); err == nil {
			return newPasskey(made, label), nil
		}
	}
	p.log.Debug("a new passkey was refused", zap.String("why", why(err)))
	return passkey{}, motacilla.Invalid("credential", "was not accepted")
}

// why returns what the library says of an error.
func why(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Details + " " + e.DevInfo
	}
	return err.Error()
}
