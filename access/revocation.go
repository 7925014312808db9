package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// signedSpace has a record for each revocation of signed tokens. Its key is that of [signedID.keys].
const signedSpace = "access-signed"

// Revocation revokes tokens that another server has signed, before they expire: one, or those of an account that were issued before
// a time.
type Revocation struct {
	JTI     string    `json:"jti,omitempty"`    // of the token
	Who     string    `json:"who,omitempty"`    // the account, such as "jwt/42"
	Before  time.Time `json:"before,omitzero"`  // tokens of the account that were issued before
	Created time.Time `json:"created"`          //
	By      string    `json:"by,omitempty"`     // who revoked
	Expires time.Time `json:"expires,omitzero"` // until when it is kept
}

const (
	revocationLife = 365 * 24 * time.Hour // if nobody says how long the tokens last
	mostJTI        = 255                  // bytes
)

// until returns before which time, in seconds, a token must have been issued to be revoked. A time that a token gives has whole seconds,
// so those of the second count too.
func (r *Revocation) until() int64 {
	if r.Who == "" {
		return math.MaxInt64
	}
	return r.Before.Add(time.Second - time.Nanosecond).Unix()
}

func (r *Revocation) key() string {
	if r.Who == "" {
		return tokenKey(tokenDigest(r.JTI))
	}
	return personKey(digest(r.Who))
}

// complete fills in the times that are not given, and returns an ErrInvalid that names the field, or nil.
func (r *Revocation) complete(now time.Time) error {
	r.Created = now.UTC().Truncate(time.Microsecond)
	if r.Expires.IsZero() {
		r.Expires = r.Created.Add(revocationLife)
	}
	switch {
	case r.JTI == "" && r.Who == "":
		return motacilla.Invalid("jti", "must be given, or who")
	case r.JTI != "" && r.Who != "":
		return motacilla.Invalid("who", "must not be given together with jti")
	case len(r.JTI) > mostJTI:
		return motacilla.Invalid("jti", "must be at most %d bytes", mostJTI)
	case r.Who != "" && (!strings.HasPrefix(r.Who, signedKind+"/") || len(r.Who) > 4*mostJTI):
		return motacilla.Invalid("who", "must be the account of a signed token, such as jwt/42")
	case r.JTI != "" && !r.Before.IsZero():
		return motacilla.Invalid("before", "is for who")
	case r.Before.After(now.Add(time.Minute)):
		return motacilla.Invalid("before", "must not be in the future")
	case !r.Expires.After(now) || r.Expires.Sub(now) > longestLife:
		return motacilla.Invalid("expires", "must be in the next 100 years")
	}
	if r.Who != "" && r.Before.IsZero() {
		r.Before = r.Created
	}
	return nil
}

// RevokeSigned revokes tokens that another server has signed, on all nodes within 2 s. Their streams end. An earlier revocation of
// the same is not taken back by it. The tokens must have expired when it expires.
func (k *Kit) RevokeSigned(ctx context.Context, r Revocation) (Revocation, error) {
	if err := r.complete(time.Now()); err != nil {
		return r, err
	}
	for {
		now := r
		old, err := k.o.Records.Get(ctx, signedSpace, r.key())
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return r, err
		}
		if was, known := parseRevocation(old); err == nil && known {
			now.Before = later(now.Before, was.Before)
			now.Expires = later(now.Expires, was.Expires)
		}
		value, err := json.Marshal(now)
		if err != nil {
			return r, err
		}
		_, err = k.o.Records.Put(ctx, motacilla.Record{
			Namespace: signedSpace, Key: r.key(), Value: value, Version: old.Version, Expires: now.Expires,
		})
		if errors.Is(err, motacilla.ErrConflict) {
			continue
		}
		if err == nil {
			err = k.signed.read(ctx) // before what it opened ends
		}
		if err != nil {
			return r, err
		}
		return now, k.Revoke(ctx, signedSpace+"/"+r.key())
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func parseRevocation(r motacilla.Record) (v Revocation, ok bool) {
	err := json.Unmarshal(r.Value, &v)
	return v, err == nil && (v.JTI != "" || v.Who != "")
}

// Revocations returns those that are kept, the newest first.
func (k *Kit) Revocations(ctx context.Context) ([]Revocation, error) {
	var all []Revocation
	err := k.eachRevocation(ctx, func(_ string, r Revocation) { all = append(all, r) })
	sortNewest(all, func(r Revocation) time.Time { return r.Created })
	return all, err
}

func (k *Kit) eachRevocation(ctx context.Context, do func(key string, r Revocation)) error {
	return k.each(ctx, signedSpace, "", func(rec motacilla.Record) error {
		r, ok := parseRevocation(rec)
		if !ok { // a node must not let in what it can't read about
			return fmt.Errorf("read revocation %q: %w", rec.Key, errNoRevocation)
		}
		do(rec.Key, r)
		return nil
	})
}
