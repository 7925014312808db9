package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// signedKind begins the Holder's ID of a token that another server signs: jwt/TOKEN.PERSON.ISSUED, with hashes of the token and of
// the account. So a stream that goes on elsewhere can be asked about without the token.
const signedKind = "jwt"

// SignedToken is a token that another server has signed, and that was checked.
type SignedToken struct {
	JTI    string // its own name; empty if it has none
	Text   string // the token
	Who    string // the account, such as "jwt/42"
	Name   string
	Issued time.Time // zero: it does not say
}

// SignedHolder returns the Holder of a token. ErrUnauthorized: it was revoked. ErrUnavailable: what was revoked is not known yet.
func (k *Kit) SignedHolder(ctx context.Context, t SignedToken) (*route.Holder, error) {
	name := digest("text\x00" + t.Text)
	if t.JTI != "" {
		name = tokenDigest(t.JTI)
	}
	issued := int64(0)
	if !t.Issued.IsZero() {
		issued = t.Issued.Unix()
	}
	return k.signed.holder(ctx, fmt.Sprintf("%s/%s.%s.%d", signedKind, name, digest(t.Who), issued), t.Who, t.Name)
}

// digest is short enough for a Holder's ID, and no two texts have the same.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func tokenDigest(jti string) string { return digest("jti\x00" + jti) }

// signedID is what the Holder's ID of a signed token says.
type signedID struct {
	token, person string // hashes
	issued        int64  // seconds since 1970; 0 is not known
}

func parseSigned(id string) (s signedID, ok bool) {
	kind, rest, _ := strings.Cut(id, "/")
	parts := strings.Split(rest, ".")
	if kind != signedKind || len(parts) != 3 {
		return s, false
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	return signedID{parts[0], parts[1], n}, err == nil
}

// keys are those of the records of package access that revoke it.
func (s signedID) keys() [2]string { return [2]string{tokenKey(s.token), personKey(s.person)} }

func tokenKey(digest string) string  { return "token/" + digest }
func personKey(digest string) string { return "person/" + digest }

// signedTokens knows which signed tokens were revoked. What it knows is read again when a node revokes something.
type signedTokens struct {
	kit  *Kit
	turn chan struct{} // held while it is read

	mu    sync.Mutex
	known map[string]int64 // by the keys of the records: tokens that were issued before, in seconds since 1970; nil: it was not read
}

func newSignedTokens(k *Kit) *signedTokens {
	return &signedTokens{kit: k, turn: make(chan struct{}, 1)}
}

// read reads what was revoked.
func (s *signedTokens) read(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	known := make(map[string]int64)
	err := s.kit.eachRevocation(ctx, func(key string, r Revocation) {
		known[key] = r.until()
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.known = known
	s.mu.Unlock()
	return nil
}

func (s *signedTokens) isKnown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known != nil
}

// revoked reports whether a token was revoked. One that does not say when it was issued counts as old.
func (s *signedTokens) revoked(id signedID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range id.keys() {
		if before, is := s.known[key]; is && id.issued < before {
			return true
		}
	}
	return false
}

// holder returns the Holder of a token's ID. who and name are empty if they are not known.
func (s *signedTokens) holder(ctx context.Context, id, who, name string) (*route.Holder, error) {
	of, ok := parseSigned(id)
	if !ok {
		return nil, fmt.Errorf("%w: it is no signed token's", motacilla.ErrUnauthorized)
	}
	if !s.isKnown() {
		if err := s.read(ctx); err != nil {
			return nil, fmt.Errorf("read which tokens were revoked: %w", err)
		}
	}
	if s.revoked(of) {
		return nil, fmt.Errorf("%w: the token was revoked", motacilla.ErrUnauthorized)
	}
	if who == "" {
		who, name = s.kit.holders.named(id)
	}
	return s.kit.Holder(id, who, name), nil
}

// signedAgain returns a subject with a signed token as it is now.
func (k *Kit) signedAgain(ctx context.Context, s Subject) (*Subject, error) {
	return k.holders.unchanged(func() (*Subject, error) {
		h, err := k.signed.holder(ctx, s.Holder.ID, s.Holder.Who, s.Holder.Name)
		if err != nil {
			return nil, err
		}
		now := s
		now.Holder = h
		return &now, nil
	})
}

// isSigned reports whether a Holder's ID is a signed token's.
func isSigned(id string) bool {
	_, is := parseSigned(id)
	return is
}

// concerns reports whether a Holder is of a key that has knows as revoked: its ID, its account, or what its signed token is called.
func concerns(h *route.Holder, has func(key string) bool) bool {
	if has(h.ID) || has(h.Who) {
		return true
	}
	of, is := parseSigned(h.ID)
	if !is {
		return false
	}
	for _, key := range of.keys() {
		if has(signedSpace + "/" + key) {
			return true
		}
	}
	return false
}

var errNoRevocation = errors.New("it says neither which token nor whose")
