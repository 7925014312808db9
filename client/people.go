package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// NewInvitation says for whom a link is.
type NewInvitation struct {
	Rights []Right `json:"rights"`          // what the account will be permitted
	Login  string  `json:"login,omitempty"` // a proposal, which the person may change
	Name   string  `json:"name,omitempty"`  // likewise
}

// Invitation is a link by which somebody makes an account, or a new passkey or password for one.
type Invitation struct {
	ID      string    `json:"id"`   // not secret
	Kind    string    `json:"kind"` // invite or reset
	URL     string    `json:"url"`  // whoever has it can use it, once
	Rights  []Right   `json:"rights,omitempty"`
	Login   string    `json:"login,omitempty"`
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	By      string    `json:"by,omitempty"`
}

// Invite makes a link by which somebody makes an account. It needs the role admin on all channels. The server shows the link only
// once. If an answer was lost, there is a link that nobody has, until it expires.
func (c *Client) Invite(ctx context.Context, n NewInvitation) (Invitation, error) {
	made, err := c.link(ctx, c.endpoint("api", "access", "invitations"), n)
	if err != nil {
		return Invitation{}, fmt.Errorf("invite: %w", err)
	}
	return made, nil
}

// ResetPerson makes a link by which a person makes a new passkey or password. Using it ends the old ones, and all sessions. If there
// is no such login, the error is a [motacilla.ErrNotFound].
func (c *Client) ResetPerson(ctx context.Context, login string) (Invitation, error) {
	err := motacilla.Invalid("login", "must not be empty")
	var made Invitation
	if login != "" && login != "." && login != ".." {
		made, err = c.link(ctx, c.endpoint("api", "access", "people").JoinPath(url.PathEscape(login), "reset"), struct{}{})
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("reset %q: %w", login, err)
	}
	return made, nil
}

func (c *Client) link(ctx context.Context, at *url.URL, body any) (Invitation, error) {
	var made Invitation
	r := &request{method: http.MethodPost, url: at, body: body}
	err := c.call(ctx, r, &made)
	if err == nil && (made.ID == "" || made.URL == "") {
		err = r.foreign("it has no link")
	}
	return made, err
}
