package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

// mostLogout is the largest form with a logout token, in bytes.
const mostLogout = 32 << 10

// backChannel ends the sessions of whoever has signed out at the server, which calls it (OpenID Connect Back-Channel Logout).
func (o *OIDC) backChannel(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostLogout)
	if err := r.ParseForm(); err != nil {
		route.WriteError(w, r, motacilla.Invalid("body", "must be a form of at most %d bytes", mostLogout))
		return
	}
	who, err := o.ended(r.Context(), r.PostFormValue("logout_token"))
	holder := &route.Holder{ID: who, Who: who}
	e := o.kit.Event(r, holder, "sign out")
	e.Detail = short.Cut("told by "+o.o.Issuer, 200)
	if err != nil {
		p := route.ProblemOf(err)
		e.Status, e.Refused = p.Status, short.Cut(err.Error(), 200)
		o.kit.Note(e)
		route.WriteError(w, r, err)
		return
	}
	if who != "" {
		o.kit.Note(e)
	}
	w.WriteHeader(http.StatusOK)
}

// ended ends the sessions that a logout token is about, and returns whose they were. It is empty if there are none.
func (o *OIDC) ended(ctx context.Context, raw string) (who string, err error) {
	p, err := o.discovery.get(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
	}
	ctx = oidc.ClientContext(ctx, o.discovery.http)
	token, err := p.logouts.VerifyLogout(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("%w: %w", motacilla.Invalid("logout_token", "is not valid"), err) // strangers are not told why
	}
	done, life := o.key("logout", token.TokenID), time.Until(token.Expiry)+time.Second
	switch _, err := o.kit.Records().Get(ctx, space, done); {
	case err == nil:
		return "", nil // whoever has signed in again since then stays signed in
	case !errors.Is(err, motacilla.ErrNotFound):
		return "", err
	}
	who, there, err := o.whose(ctx, token)
	if err != nil || who == "" {
		return who, err
	}
	if there != "" {
		err = o.kit.EndSessionThere(ctx, who, there)
	} else {
		err = o.kit.EndSession(ctx, who, "")
	}
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return who, err
	}
	_, err = o.kit.Records().Put(ctx, motacilla.Record{Namespace: space, Key: done, TTL: min(life, motacilla.MaxTTL)})
	if errors.Is(err, motacilla.ErrConflict) {
		err = nil
	}
	return who, err
}

// whose returns the account that a logout token is about, and which of its sessions, by the server's name; empty is all of them. A
// session that nobody has here may be one whose name this site does not know: then all of the account end, if the token names it.
func (o *OIDC) whose(ctx context.Context, token *oidc.LogoutToken) (who, there string, err error) {
	if token.Subject != "" {
		who = o.who(token.Subject)
	}
	if token.SessionID == "" {
		return who, "", nil
	}
	r, err := o.kit.Records().Get(ctx, space, o.key("at", token.SessionID))
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return who, "", nil
	case err != nil:
		return "", "", err
	case who != "" && string(r.Value) != who: // the names of sessions are not of the whole server
		return who, "", nil
	}
	return string(r.Value), token.SessionID, nil
}

// remember notes whose a session at the server is. Some servers name only the session when it ends.
func (o *OIDC) remember(ctx context.Context, session, who string) error {
	if session == "" {
		return nil
	}
	for {
		r, err := o.kit.Records().Get(ctx, space, o.key("at", session))
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		_, err = o.kit.Records().Put(ctx, motacilla.Record{
			Namespace: space, Key: o.key("at", session), Value: []byte(who), Version: r.Version, TTL: o.o.Session,
		})
		if !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
}
