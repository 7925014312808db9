package access

import (
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// tokenJSON is a token without its secret, except in the answer that creates it.
type tokenJSON struct {
	Name    string  `json:"name"`
	Rights  Rights  `json:"rights"`
	Created *string `json:"created"`
	Expires *string `json:"expires"`
	By      string  `json:"by"`
	Secret  string  `json:"secret,omitempty"`
}

func encodeToken(t Token, secret string) tokenJSON {
	return tokenJSON{t.Name, t.Rights, stamp(t.Created), stamp(t.Expires), t.By, secret}
}

func (a *Access) listTokens(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	all, err := a.kit.Tokens(r.Context())
	if err != nil {
		return err
	}
	list := []tokenJSON{}
	for _, t := range all {
		list = append(list, encodeToken(t, ""))
	}
	return rest.Write(w, http.StatusOK, map[string][]tokenJSON{"tokens": list})
}

// tokenBody is a token that is to be made.
type tokenBody struct {
	Name      string             `json:"name"`
	Rights    []rightBody        `json:"rights"`
	Expires   rest.Maybe[string] `json:"expires"`
	ExpiresIn rest.Maybe[int64]  `json:"expires_in"` // seconds
}

type rightBody struct {
	Role     Role                 `json:"role"`
	Channels rest.Maybe[[]string] `json:"channels"`
}

const (
	longestLife = 100 * 365 * 24 * time.Hour
	lifeBounds  = "must be a whole number of seconds, from 1 to 3153600000"
)

// token returns the token that b describes. The error is an ErrInvalid.
func (b *tokenBody) token(now time.Time) (Token, error) {
	t := Token{Name: b.Name}
	for i, r := range b.Rights {
		if r.Channels.Set && len(r.Channels.Value) == 0 { // it must not mean all channels
			return t, motacilla.Invalid(fmt.Sprintf("rights[%d].channels", i), "must have a channel, or be left out for all channels")
		}
		t.Rights = append(t.Rights, Right{r.Role, r.Channels.Value})
	}
	switch {
	case b.Expires.Set && b.ExpiresIn.Set:
		return t, motacilla.Invalid("expires_in", "must not be given together with expires")
	case b.Expires.Set:
		at, err := time.Parse(time.RFC3339, b.Expires.Value)
		if err != nil || at.Sub(now) > longestLife {
			return t, motacilla.Invalid("expires", "must be a time such as 2027-01-31T12:00:00Z, in the next 100 years")
		}
		t.Expires = at.UTC().Truncate(time.Microsecond)
	case b.ExpiresIn.Set:
		n := b.ExpiresIn.Value
		if n < 1 || n > int64(longestLife/time.Second) {
			return t, motacilla.Invalid("expires_in", lifeBounds)
		}
		t.Expires = now.Add(time.Duration(n) * time.Second).UTC().Truncate(time.Microsecond)
	}
	return t, t.Validate(now)
}

func (a *Access) createToken(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	s, err := a.sender(r)
	if err != nil {
		return err
	}
	var in tokenBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	t, err := in.token(time.Now())
	if err != nil {
		return err
	}
	if !s.Rights.Covers(t.Rights) {
		return fmt.Errorf("%w: nobody can give away more than their own rights", motacilla.ErrForbidden)
	}
	t.By = s.Holder.Who
	t, secret, err := a.kit.createToken(r.Context(), t)
	if err != nil {
		return err
	}
	a.audit.changed(r, s, "manage", fmt.Sprintf("created the token %s: %v", t.Name, t.Rights))
	return rest.WriteSecret(w, http.StatusCreated, encodeToken(t, secret))
}

func (a *Access) revokeToken(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	if err := a.kit.RevokeToken(r.Context(), r.PathValue("token")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
