package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Revocation revokes tokens that another server has signed (JWT), before they expire: one, by its jti, or those of an account.
type Revocation struct {
	JTI     string
	Who     string    // the account, such as "jwt/42"
	Before  time.Time // with Who: tokens that were issued before; zero: now
	Expires time.Time // when the last of the tokens has expired; zero: in a year

	Created time.Time // set by the server
	By      string    // who revoked; set by the server
}

type revocationJSON struct {
	JTI     string `json:"jti,omitempty"`
	Who     string `json:"who,omitempty"`
	Before  *stamp `json:"before,omitempty"`
	Created *stamp `json:"created,omitempty"`
	Expires *stamp `json:"expires,omitempty"`
	By      string `json:"by,omitempty"`
}

// MarshalJSON encodes r in the form of the wire.
func (r Revocation) MarshalJSON() ([]byte, error) {
	return plainJSON(revocationJSON{r.JTI, r.Who, stampOf(r.Before), stampOf(r.Created), stampOf(r.Expires), r.By})
}

// UnmarshalJSON decodes the form of the wire.
func (r *Revocation) UnmarshalJSON(data []byte) error {
	var w revocationJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Revocation{w.JTI, w.Who, w.Before.time(), w.Expires.time(), w.Created.time(), w.By}
	return nil
}

// RevokeSigned revokes signed tokens. They end on all nodes within 2 seconds, and so do the streams that they have opened.
func (c *Client) RevokeSigned(ctx context.Context, r Revocation) (made Revocation, err error) {
	r.Created, r.By = time.Time{}, ""
	ask := &request{method: http.MethodPost, url: c.endpoint("api", "access", "revocations"), body: r}
	err = c.call(ctx, ask, &made)
	if err == nil && (made.JTI != r.JTI || made.Who != r.Who || made.Created.IsZero()) {
		err = ask.foreign("it has no such revocation")
	}
	if err != nil {
		return Revocation{}, fmt.Errorf("revoke signed tokens: %w", err)
	}
	return made, nil
}

// Revocations returns the revocations of signed tokens, the newest first. Those of tokens that have expired are not kept.
func (c *Client) Revocations(ctx context.Context) ([]Revocation, error) {
	var list struct{ Revocations []Revocation }
	r := &request{method: http.MethodGet, url: c.endpoint("api", "access", "revocations")}
	err := c.call(ctx, r, &list)
	if err == nil && list.Revocations == nil {
		err = r.foreign("revocations is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("list revocations: %w", err)
	}
	return list.Revocations, nil
}
