package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Right is a role on channels: reader, contributor, editor or admin. Channels are IDs, and patterns such as match-*; none is all channels.
type Right struct {
	Role     string   `json:"role"`
	Channels []string `json:"channels,omitempty"`
}

// Identity is who a client is, by its token.
type Identity struct {
	Who     string // the account, such as "token/scores"; it never changes
	Name    string // what people call it
	Kind    string // of the token: "server", "token", or another one, such as "jwt"
	Rights  []Right
	Expires time.Time // zero: never
}

// Token is a named token, without its secret.
type Token struct {
	Name    string
	Rights  []Right
	Created time.Time
	Expires time.Time // zero: never
	By      string    // who made it
}

// NewToken is a token to be made.
type NewToken struct {
	Name    string // 1 to 40 lower-case letters, digits and single hyphens
	Rights  []Right
	Expires time.Time // zero: never
}

type identityJSON struct {
	Who     string  `json:"who"`
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Rights  []Right `json:"rights"`
	Expires *stamp  `json:"expires"`
}

// MarshalJSON encodes i in the form of the wire.
func (i Identity) MarshalJSON() ([]byte, error) {
	return plainJSON(identityJSON{i.Who, i.Name, i.Kind, i.Rights, stampOf(i.Expires)})
}

// UnmarshalJSON decodes the form of the wire.
func (i *Identity) UnmarshalJSON(data []byte) error {
	var w identityJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*i = Identity{w.Who, w.Name, w.Kind, w.Rights, w.Expires.time()}
	return nil
}

type tokenJSON struct {
	Name    string  `json:"name"`
	Rights  []Right `json:"rights"`
	Created *stamp  `json:"created"`
	Expires *stamp  `json:"expires"`
	By      string  `json:"by"`
}

// MarshalJSON encodes t in the form of the wire.
func (t Token) MarshalJSON() ([]byte, error) {
	return plainJSON(tokenJSON{t.Name, t.Rights, stampOf(t.Created), stampOf(t.Expires), t.By})
}

// UnmarshalJSON decodes the form of the wire.
func (t *Token) UnmarshalJSON(data []byte) error {
	var w tokenJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*t = Token{w.Name, w.Rights, w.Created.time(), w.Expires.time(), w.By}
	return nil
}

// Me returns who the client is by its token, and what it may do. Without a token that the server knows, the error is a
// [motacilla.ErrUnauthorized].
func (c *Client) Me(ctx context.Context) (Identity, error) {
	var me Identity
	r := &request{method: http.MethodGet, url: c.endpoint("api", "access", "me")}
	err := c.call(ctx, r, &me)
	if err == nil && me.Who == "" {
		err = r.foreign("who is missing")
	}
	if err != nil {
		return Identity{}, fmt.Errorf("who am I: %w", err)
	}
	return me, nil
}

// Tokens returns the named tokens, by name. It needs the role admin, as the other methods for tokens do.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	var list struct{ Tokens []Token }
	r := &request{method: http.MethodGet, url: c.endpoint("api", "access", "tokens")}
	err := c.call(ctx, r, &list)
	if err == nil && list.Tokens == nil {
		err = r.foreign("tokens is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return list.Tokens, nil
}

// CreateToken makes a named token, and returns its secret, which the server shows only once. If there is a token of that name, the
// error is a [motacilla.ErrExists]. It may be of an attempt whose answer was lost: then revoke it, and make it again.
func (c *Client) CreateToken(ctx context.Context, n NewToken) (made Token, secret string, err error) {
	body := map[string]any{"name": n.Name, "rights": n.Rights}
	if !n.Expires.IsZero() {
		body["expires"] = stampOf(n.Expires)
	}
	var got struct{ Secret string }
	var answer json.RawMessage
	r := &request{method: http.MethodPost, url: c.endpoint("api", "access", "tokens"), body: body}
	err = c.call(ctx, r, &answer)
	if err == nil {
		if err = errors.Join(json.Unmarshal(answer, &made), json.Unmarshal(answer, &got)); err != nil || got.Secret == "" || made.Name != n.Name {
			err = r.foreign("it has no such token, or no secret")
		}
	}
	var e *Error
	if errors.As(err, &e) && errors.Is(e.kind, motacilla.ErrConflict) {
		e.kind = motacilla.ErrExists
		if r.mayBeDone {
			err = fmt.Errorf("%w; it may be of an attempt whose answer was lost: revoke it, and make it again", err)
		}
	}
	if err != nil {
		return Token{}, "", fmt.Errorf("create token %q: %w", n.Name, err)
	}
	return made, got.Secret, nil
}

// RevokeToken removes a token. Its permission ends on all nodes within 2 seconds. If there is none of that name, the error is a
// [motacilla.ErrNotFound].
func (c *Client) RevokeToken(ctx context.Context, name string) error {
	err := motacilla.Invalid("name", "must not be empty")
	if name != "" && name != "." && name != ".." {
		err = c.remove(ctx, &request{method: http.MethodDelete, url: c.endpoint("api", "access", "tokens").JoinPath(url.PathEscape(name))})
	}
	if err != nil {
		return fmt.Errorf("revoke token %q: %w", name, err)
	}
	return nil
}

// Ticket returns a ticket, and for how long it can be used. As ?ticket= in the URL of one request to read, it is worth as much as the
// client's token: a server gives one to a browser, whose EventSource and WebSocket can't send an Authorization header.
func (c *Client) Ticket(ctx context.Context) (ticket string, life time.Duration, err error) {
	var got struct {
		Ticket    string
		ExpiresIn int64 `json:"expires_in"`
	}
	r := &request{method: http.MethodPost, url: c.endpoint("api", "access", "tickets"), body: struct{}{}}
	err = c.call(ctx, r, &got)
	if err == nil && got.Ticket == "" {
		err = r.foreign("ticket is missing")
	}
	if err != nil {
		return "", 0, fmt.Errorf("get a ticket: %w", err)
	}
	return got.Ticket, time.Duration(got.ExpiresIn) * time.Second, nil
}
