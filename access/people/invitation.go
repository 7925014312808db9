package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
)

// invitationSpace has the links that were not used. The key is the hash of the link's secret, which is the invitation's ID.
const invitationSpace = "access-invitations"

// What a link is for.
const (
	invites   = "invite" // a new account
	isFirst   = "first"  // the first account
	resetting = "reset"  // a new password or passkey for an account
)

// linkLife is how long a link for the first account or for a new password can be used.
const linkLife = 24 * time.Hour

// invitation is a link that works once.
type invitation struct {
	id      string
	version int64
	expires time.Time

	Kind       string        `json:"kind"`
	Rights     access.Rights `json:"rights,omitempty"`
	Login      string        `json:"login,omitempty"` // a proposal, or whose account is reset
	Name       string        `json:"name,omitempty"`  // a proposal
	Created    time.Time     `json:"created"`
	By         string        `json:"by,omitempty"` // the Who of whoever made it
	ByName     string        `json:"by_name,omitempty"`
	Handle     []byte        `json:"handle,omitempty"`     // of the account that is reset
	Generation int           `json:"generation,omitempty"` // of it
}

// errGone is for links that can't be used, whatever the reason.
var errGone = fmt.Errorf("invitation: %w: it was used, was revoked or has expired", motacilla.ErrNotFound)

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// invite makes a link. Its secret is kept nowhere.
func (p *People) invite(ctx context.Context, inv *invitation, life time.Duration) (secret string, err error) {
	inv.Created = time.Now().UTC().Truncate(time.Second)
	value, err := json.Marshal(inv)
	if err != nil {
		return "", err
	}
	secret = rand.Text()
	r, err := p.records.Put(ctx, motacilla.Record{Namespace: invitationSpace, Key: hash(secret), Value: value, TTL: life})
	inv.id, inv.version, inv.expires = r.Key, r.Version, r.Expires
	return secret, err
}

func readInvitation(r motacilla.Record) (*invitation, error) {
	inv := &invitation{}
	if err := json.Unmarshal(r.Value, inv); err != nil {
		return nil, fmt.Errorf("read invitation %q: %w", r.Key, err)
	}
	inv.id, inv.version, inv.expires = r.Key, r.Version, r.Expires
	return inv, nil
}

// invited returns the invitation of a secret, if it can be used now; errGone if it can't.
func (p *People) invited(ctx context.Context, secret string) (*invitation, error) {
	if secret == "" || len(secret) > 100 {
		return nil, errGone
	}
	r, err := p.records.Get(ctx, invitationSpace, hash(secret))
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	inv, err := readInvitation(r)
	if err != nil {
		return nil, err
	}
	return inv, p.usable(ctx, inv)
}

// usable returns errGone if something has happened since the link was made that makes it void.
func (p *People) usable(ctx context.Context, inv *invitation) error {
	switch inv.Kind {
	case isFirst:
		if there, err := p.anybody(ctx); there || err != nil {
			return orGone(err)
		}
		return nil
	case resetting:
		one, err := p.get(ctx, inv.Login)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		if err != nil || !inv.resets(one) {
			return errGone
		}
		inv.Name, inv.Rights = one.Name, one.Rights
	}
	return p.given(ctx, inv)
}

// given returns errGone if whoever made the link may no longer give its rights away. Of accounts of other servers that is not known.
func (p *People) given(ctx context.Context, inv *invitation) error {
	if strings.HasPrefix(inv.By, personKind) {
		maker, err := p.Account(ctx, inv.By)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		if err != nil || !mayGive(maker.Rights, inv.Rights) {
			return errGone
		}
	}
	if name, is := strings.CutPrefix(inv.By, tokenKind); is {
		all, err := p.kit.Tokens(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(t access.Token) bool { return t.Name == name && gives(&t, inv) }) {
			return errGone
		}
	}
	return nil
}

// tokenKind begins the Who of named tokens.
const tokenKind = "token/"

// gives reports whether a token may give away what a link of a token of its name does. It may be a later one, which did not make the link.
func gives(t *access.Token, inv *invitation) bool {
	return t.Created.Before(inv.Created.Add(time.Second)) && mayGive(t.Rights, inv.Rights) // a link's time has whole seconds
}

func mayGive(own, rights access.Rights) bool { return own.Allow("", manage) && own.Covers(rights) }

func orGone(err error) error {
	if err == nil {
		return errGone
	}
	return err
}

// resets reports whether the link is for this person as it is now.
func (inv *invitation) resets(one *person) bool {
	return !one.Disabled && one.Generation == inv.Generation && string(one.Handle) == string(inv.Handle)
}

// consume uses the link: only one request can. undo gives it back, if nothing came of it.
func (p *People) consume(ctx context.Context, inv *invitation) (undo func(), err error) {
	r, err := p.records.Get(ctx, invitationSpace, inv.id)
	if err == nil {
		err = p.records.Delete(ctx, invitationSpace, inv.id, inv.version)
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil, errGone
	}
	r.Version = 0
	return func() { _, _ = p.records.Put(context.WithoutCancel(ctx), r) }, err
}

// link returns the URL of a link.
func link(base, secret string) string { return strings.TrimSuffix(base, "/") + "/invitation/" + secret }
