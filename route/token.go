package route

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Cookie names the cookie that signing in sets, and WriterCookie the one that signing in to write sets.
const (
	Cookie       = "motacilla_reader"
	WriterCookie = "motacilla_writer"
)

// cookieLife is how long a browser stays signed in.
const cookieLife = 30 * 24 * time.Hour

// Token has the default [Authorizer]. One secret, the token, permits writing, and reading private channels. Everybody may
// read public channels. To write, a request must have the token in its Authorization header, since no other site can make a
// browser send that header. To read, the cookie of [Token.SignIn] is enough, since a page and its streams can't set a
// header.
type Token struct {
	// Path is below which path a browser sends the cookie. Empty means /. Set it before the first request.
	Path string

	secret  []byte
	digest  [sha256.Size]byte
	reader  string // the cookie's value, which is derived from the secret and does not permit writing
	writer  string // that of the other cookie
	origin  *http.CrossOriginProtection
	channel func(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	secure  func(*http.Request) bool
}

// NewToken returns a Token for secret. An empty secret matches nothing. channel looks up a channel, as storage.Reader does.
// secure reports whether a request came by https; if it did, the cookie is for https only. A nil secure means that no
// request did.
func NewToken(
	secret string,
	channel func(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error),
	secure func(*http.Request) bool,
) *Token {
	t := &Token{secret: []byte(secret), digest: sha256.Sum256([]byte(secret)), channel: channel, secure: secure}
	t.origin = http.NewCrossOriginProtection()
	t.writer = base64.RawURLEncoding.EncodeToString(t.sum("motacilla writer"))
	t.reader = base64.RawURLEncoding.EncodeToString(t.sum("motacilla reader"))
	return t
}

// Authorize is an [Authorizer]. Writing without the token is an ErrUnauthorized, reading a private channel without it an
// ErrForbidden. Reading a channel that does not exist is permitted: the handler answers that there is no such channel.
func (t *Token) Authorize(r *http.Request, ch motacilla.ChannelID, action Action) (Grant, error) {
	if t.bearer(r) {
		return Grant{}, nil
	}
	if slices.ContainsFunc(r.CookiesNamed(WriterCookie), func(c *http.Cookie) bool { return t.SignedToWrite(c.Value) }) {
		if action != Read && t.origin.Check(r) != nil {
			return Grant{}, fmt.Errorf("write from another origin: %w", motacilla.ErrForbidden)
		}
		return Grant{}, nil
	}
	if action != Read {
		return Grant{}, fmt.Errorf("%w: send the server's token as Authorization: Bearer TOKEN", motacilla.ErrUnauthorized)
	}
	if t.signedIn(r) {
		return Grant{}, nil
	}
	return ReadPublic(r, ch, t.channel)
}

// ReadPublic permits reading, unless the channel is private: then the error is an ErrForbidden. channel looks up a channel,
// as storage.Reader does. Reading a channel that does not exist is permitted: the handler answers that there is none.
func ReadPublic(
	r *http.Request, ch motacilla.ChannelID, channel func(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error),
) (Grant, error) {
	if ch == "" {
		return Grant{}, nil
	}
	c, known := Channel(r, ch)
	var err error
	if !known {
		c, err = channel(r.Context(), ch)
	}
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return Grant{}, nil
	case err != nil:
		return Grant{}, fmt.Errorf("authorize reader of channel %q: %w", ch, err)
	case c.Access == motacilla.Public:
		return Grant{WhilePublic: true}, nil
	}
	return Grant{}, fmt.Errorf("channel %q is private: %w", ch, motacilla.ErrForbidden)
}

// SignIn sets the reader's cookie if token is the secret. Otherwise it returns an ErrForbidden.
func (t *Token) SignIn(w http.ResponseWriter, r *http.Request, token string) error {
	if !t.Matches(token) {
		return fmt.Errorf("sign in: %w: the token is wrong", motacilla.ErrForbidden)
	}
	t.set(w, r, http.Cookie{Name: Cookie, Value: t.reader, MaxAge: int(cookieLife.Seconds())})
	return nil
}

// SignInEditor is SignIn for pages that write. It also sets a cookie that permits to write until the browser is closed.
func (t *Token) SignInEditor(w http.ResponseWriter, r *http.Request, token string) error {
	if err := t.SignIn(w, r, token); err != nil {
		return err
	}
	t.set(w, r, http.Cookie{Name: WriterCookie, Value: t.writer})
	return nil
}

func (t *Token) set(w http.ResponseWriter, r *http.Request, c http.Cookie) {
	c.Path, c.HttpOnly, c.SameSite, c.Secure = cmp.Or(t.Path, "/"), true, http.SameSiteLaxMode, t.secure != nil && t.secure(r)
	http.SetCookie(w, &c)
}

func (t *Token) bearer(r *http.Request) bool {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && t.Matches(strings.TrimSpace(token))
}

func (t *Token) signedIn(r *http.Request) bool {
	return slices.ContainsFunc(r.CookiesNamed(Cookie), func(c *http.Cookie) bool { return t.Signed(c.Value) })
}

// Signed reports whether a cookie has the value that [Token.SignIn] sets.
func (t *Token) Signed(cookie string) bool {
	return len(t.secret) > 0 && hmac.Equal([]byte(cookie), []byte(t.reader))
}

// SignedToWrite reports whether a cookie has the value that [Token.SignInEditor] sets.
func (t *Token) SignedToWrite(cookie string) bool {
	return len(t.secret) > 0 && hmac.Equal([]byte(cookie), []byte(t.writer))
}

// Matches reports whether token is the secret. It compares in constant time, also if the lengths differ.
func (t *Token) Matches(token string) bool {
	if len(t.secret) == 0 {
		return false
	}
	digest := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(digest[:], t.digest[:]) == 1
}

func (t *Token) sum(s string) []byte {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte(s))
	return mac.Sum(nil)
}
