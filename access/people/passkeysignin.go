package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// errCopied is for a passkey whose count has gone back: there may be two of it (WebAuthn, section 6.1.1).
var errCopied = fmt.Errorf("%w: the passkey may have been copied", motacilla.ErrUnauthorized)

// byAssertion returns whose passkey has signed the challenge. one may be known if the error is errPasskey or errCopied.
func (p *People) byAssertion(
	ctx context.Context, rp *webauthn.WebAuthn, session *webauthn.SessionData, credential []byte,
) (one *person, err error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return nil, errPasskey
	}
	var broken error // the store
	owner := func(_, handle []byte) (webauthn.User, error) {
		found, err := p.byHandle(ctx, handle)
		if err != nil {
			if !errors.Is(err, motacilla.ErrNotFound) {
				broken = err
			}
			return nil, err
		}
		one = found
		u := userOf(found)
		for i := range u.keys {
			// The standard wants this flag never to change. Passkeys of Apple's were made without it and have it after they
			// were synchronised. It permits nothing here.
			u.keys[i].Flags.BackupEligible = parsed.Response.AuthenticatorData.Flags.HasBackupEligible()
		}
		return u, nil
	}
	_, used, err := rp.ValidatePasskeyLogin(owner, *session, parsed)
	switch {
	case broken != nil:
		return nil, broken
	case err != nil:
		p.log.Debug("a passkey was refused", zap.String("why", why(err)))
		return one, errPasskey
	case used.Authenticator.CloneWarning:
		return one, errCopied
	}
	return p.used(ctx, one, used)
}

// used notes the use of a passkey. What it has counted is compared once more, with what is kept now.
func (p *People) used(ctx context.Context, one *person, c *webauthn.Credential) (*person, error) {
	count := c.Authenticator.SignCount
	return p.change(ctx, one.login, func(now *person) error {
		at := now.passkey(c.ID)
		if at < 0 || now.Disabled {
			return errPasskey
		}
		k := &now.Passkeys[at]
		if count <= k.Count && (count != 0 || k.Count != 0) {
			return errCopied
		}
		k.Count, k.Eligible, k.BackedUp = count, c.Flags.BackupEligible, c.Flags.BackupState
		k.Used = time.Now().UTC().Truncate(time.Second)
		return nil
	})
}
