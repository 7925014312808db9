package people

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/motacilla-live/motacilla"
)

// challengeSpace has what passkeys are to sign. Its keys are hashes of the challenges' IDs.
const challengeSpace = "access-challenges"

const challengeLife = 5 * time.Minute

// What a challenge is for.
const (
	forSignIn     = "sign-in"
	forAccount    = "account"
	forInvitation = "invitation"
)

// challenge is what a browser's passkey is to sign.
type challenge struct {
	For     string               `json:"for"`
	Session webauthn.SessionData `json:"session"`

	Who        string `json:"who,omitempty"`        // for an account: whose
	Invitation string `json:"invitation,omitempty"` // for an invitation: its ID, and for whom the passkey is
	Login      string `json:"login,omitempty"`
	Name       string `json:"name,omitempty"`
	Handle     []byte `json:"handle,omitempty"`
}

// ask keeps a challenge, and returns its ID.
func (p *People) ask(ctx context.Context, c *challenge) (id string, err error) {
	value, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	id = rand.Text()
	_, err = p.records.Put(ctx, motacilla.Record{Namespace: challengeSpace, Key: hash(id), Value: value, TTL: challengeLife})
	return id, err
}

// take returns a challenge, once. The error is an ErrInvalid if there is none.
func (p *People) take(ctx context.Context, id, use string) (*challenge, error) {
	gone := motacilla.Invalid("id", "is not known: the challenge was used, or it is older than 5 minutes")
	if id == "" || len(id) > 100 {
		return nil, gone
	}
	r, err := p.records.Get(ctx, challengeSpace, hash(id))
	if err == nil {
		err = p.records.Delete(ctx, challengeSpace, r.Key, r.Version)
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	c := &challenge{}
	if err := json.Unmarshal(r.Value, c); err != nil {
		return nil, fmt.Errorf("read a challenge: %w", err)
	}
	if c.For != use {
		return nil, gone
	}
	return c, nil
}
