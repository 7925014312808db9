package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// identity is who somebody is, as the server says.
type identity struct {
	subject string
	name    string
	groups  []string
	tooMany bool   // groups were left out because there are too many
	session string // at the server; empty if it does not say
	hint    string // the ID token, for signing out; empty if it is too long for a URL
}

// mostHint is the longest ID token that is kept for signing out, in bytes. It is then part of a URL.
const mostHint = 4 << 10

// identify exchanges the code for an ID token, and checks it (OpenID Connect Core, section 3.1.3.7).
func (o *OIDC) identify(ctx context.Context, p *provider, a attempt, code string) (*identity, error) {
	ctx = oidc.ClientContext(ctx, o.discovery.http)
	conf := p.oauth
	conf.RedirectURL = o.url(o.path("/callback"))
	token, err := conf.Exchange(ctx, code, oauth2.VerifierOption(a.verifier()))
	if err != nil {
		return nil, unanswered("exchange the code", err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, wrong("the server has given no ID token: is openid among the scopes that it permits?")
	}
	is, err := p.idTokens.Verify(ctx, raw)
	if err != nil {
		return nil, wrong("ID token: %w", err)
	}
	var own claims
	if err := is.Claims(&own); err != nil {
		return nil, wrong("ID token: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(is.Nonce), []byte(a.nonce())) != 1:
		return nil, wrong("ID token: its nonce is of another attempt")
	case !forClient(is.Audience, own, o.o.ClientID):
		return nil, wrong("ID token: it was made for another client (azp)")
	case !validSubject(is.Subject):
		return nil, wrong("ID token: sub must be 1 to %d bytes that can be printed", mostSubject)
	case is.AccessTokenHash != "" && is.VerifyAccessToken(token.AccessToken) != nil:
		return nil, wrong("ID token: the access token is not of it (at_hash)")
	}
	sources := []claims{own}
	if more, err := o.more(ctx, p, is.Subject, own, token); err != nil {
		return nil, err
	} else if more != nil {
		sources = append(sources, more)
	}
	who := o.read(is.Subject, sources)
	if len(raw) <= mostHint {
		who.hint = raw
	}
	return who, nil
}

// more asks the server for what the ID token does not say. It returns nil if that is not needed, or can't be had.
func (o *OIDC) more(ctx context.Context, p *provider, subject string, own claims, token *oauth2.Token) (claims, error) {
	groups := own.groups(o.o.GroupsClaim) == nil && o.roles.byGroup()
	if !groups && own.text(o.o.NameClaim) != "" || p.UserInfoEndpoint() == "" {
		return nil, nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		if !groups {
			return nil, nil // only the name is missing
		}
		return nil, unanswered("ask about the person", err)
	}
	if info.Subject != subject { // it may be about somebody else (OpenID Connect Core, section 5.3.2)
		return nil, wrong("what the server says about the person is about another one")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return nil, wrong("what the server says about the person: %w", err)
	}
	return more, nil
}

// unanswered returns the failure of a call of the server, without what was answered: that could have secrets.
func unanswered(what string, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return wrong("%s: status %d %.50q %.150q", what, refused.Response.StatusCode, refused.ErrorCode, refused.ErrorDescription)
	}
	var call *url.Error
	var network net.Error
	if errors.As(err, &call) || errors.As(err, &network) {
		return away(fmt.Errorf("%s: %w", what, err))
	}
	return wrong("%s: %.80s", what, err.Error())
}

// forClient reports whether the token was given to this client. Others may be named in aud too: then azp must say whom it was given to.
func forClient(audience []string, own claims, client string) bool {
	azp, has := own["azp"]
	if !has {
		return len(audience) == 1 && audience[0] == client
	}
	return azp == client && slices.Contains(audience, client)
}

// mostSubject is the longest subject, in bytes (OpenID Connect Core, section 2).
const mostSubject = 255

func validSubject(s string) bool {
	return s != "" && len(s) <= mostSubject && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
