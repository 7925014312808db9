package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
)

// sessionSpace has a record for each session. Its key is WHO/HASH, so that the sessions of an account can be listed.
const sessionSpace = "access-sessions"

const sessionKind = "session"

// Cookie names the session's cookie. Over https, on a site without a base path, it is __Host-motacilla_session, which no other host
// can set.
const Cookie = "motacilla_session"

const hostCookie = "__Host-" + Cookie

// Session is somebody who has signed in, in one browser.
type Session struct {
	ID      string    `json:"id"` // not secret
	Name    string    `json:"name"`
	Rights  Rights    `json:"rights,omitempty"` // fixed when it began; none: those that the account has now
	Fixed   bool      `json:"fixed,omitempty"`  // Rights count
	Created time.Time `json:"created"`
	Address string    `json:"address,omitempty"`
	Agent   string    `json:"agent,omitempty"` // the browser
	Expires time.Time `json:"expires"`
}

// storedSession is a session as it is kept.
type storedSession struct {
	Session
	There string `json:"there,omitempty"` // as in Account
	Hint  string `json:"hint,omitempty"`
}

// SignIn begins a session of an account, and sets its cookie. A session that the browser had is ended: its secret may be known
// to others. If fixed is true, the account has the rights of acc as long as the session lasts, at most for life; otherwise those that
// it has at each request. life is at most KitOptions.Session; 0 is that.
func (k *Kit) SignIn(w http.ResponseWriter, r *http.Request, acc *Account, fixed bool, life time.Duration) error {
	if life <= 0 || life > k.o.Session {
		life = k.o.Session
	}
	_ = k.endOwn(r)
	secret := rand.Text()
	s := Session{
		Name: acc.Name, Fixed: fixed, Created: time.Now().UTC().Truncate(time.Second), Expires: time.Now().Add(life).UTC().Truncate(time.Second),
		Agent: short.Cut(r.UserAgent(), 300),
	}
	if fixed {
		s.Rights = acc.Rights
	}
	if addr := k.site.Address(r); addr.IsValid() {
		s.Address = addr.String()
	}
	value, err := json.Marshal(storedSession{s, acc.There, acc.Hint})
	if err != nil {
		return err
	}
	key := sessionKey(acc.Who, secret)
	if len(sessionKind+"/"+key) > motacilla.MaxRecordKey { // it could not be revoked
		return motacilla.Invalid("who", "is too long")
	}
	if _, err := k.o.Records.Put(r.Context(), motacilla.Record{Namespace: sessionSpace, Key: key, Value: value, TTL: life}); err != nil {
		return err
	}
	http.SetCookie(w, k.cookie(r, base64.RawURLEncoding.EncodeToString([]byte(acc.Who))+"."+secret, int(life.Seconds())))
	return nil
}

// SignOut ends the session of a request, and removes its cookie. It returns the Hint with which the session began.
func (k *Kit) SignOut(w http.ResponseWriter, r *http.Request) (hint string) {
	hint = k.endOwn(r)
	http.SetCookie(w, k.cookie(r, "", -1))
	return hint
}

func (k *Kit) cookie(r *http.Request, value string, age int) *http.Cookie {
	name, path, secure := Cookie, cmp.Or(k.site.Base, "/"), k.site.Secure(r)
	if secure && path == "/" {
		name = hostCookie
	}
	return &http.Cookie{ //nolint:gosec // Secure is set if the request came by https
		Name: name, Value: value, Path: path, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
	}
}

// sessionNames are the names of the cookie.
var sessionNames = []string{hostCookie, Cookie}

// sessionKey returns the key of the record of a session.
func sessionKey(who, secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return who + "/" + hex.EncodeToString(sum[:16])
}

// parseSession returns the key of the record that a cookie is for.
func parseSession(cookie string) (key string, ok bool) {
	encoded, secret, ok := strings.Cut(cookie, ".")
	who, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil || secret == "" || len(cookie) > 1024 {
		return "", false
	}
	return sessionKey(string(who), secret), true
}

// whoOf returns the account of a session, from its key.
func whoOf(key string) string { return key[:max(strings.LastIndexByte(key, '/'), 0)] }

// sessionOf returns the subject of a session; ErrUnauthorized if there is none.
func (k *Kit) sessionOf(ctx context.Context, key string) (*Subject, error) {
	r, err := k.o.Records.Get(ctx, sessionSpace, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil, fmt.Errorf("%w: the session has ended", motacilla.ErrUnauthorized)
	}
	if err != nil {
		return nil, err
	}
	var s Session
	if err := json.Unmarshal(r.Value, &s); err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	acc := &Account{Who: whoOf(key), Name: s.Name, Rights: s.Rights}
	if !s.Fixed {
		acc, err = k.account(ctx, acc.Who)
		if errors.Is(err, motacilla.ErrNotFound) || err == nil && acc == nil {
			return nil, fmt.Errorf("%w: there is no such account any more", motacilla.ErrUnauthorized)
		}
		if err != nil {
			return nil, err
		}
	}
	return &Subject{Holder: k.Holder(sessionKind+"/"+key, acc.Who, acc.Name), Rights: acc.Rights, Expires: r.Expires, Began: s.Created}, nil
}

// sessions is the [Authenticator] of sessions.
type sessions struct{ kit *Kit }

func (s sessions) Authenticate(ctx context.Context, c Credential) (*Subject, error) {
	if c.Cookie != Cookie && c.Cookie != hostCookie {
		return nil, nil
	}
	key, ok := parseSession(c.Secret)
	if !ok {
		return nil, fmt.Errorf("%w: the cookie is no session's", motacilla.ErrUnauthorized)
	}
	return s.kit.sessionOf(ctx, key)
}

// Cookies implements [Cookied].
func (s sessions) Cookies() []string { return sessionNames }

// endOwn ends the sessions of a request's cookies, and returns the Hint of one. If the store does not answer, they end by themselves.
func (k *Kit) endOwn(r *http.Request) (hint string) {
	for c := range cookies(r, sessionNames) {
		if key, ok := parseSession(c.Secret); ok {
			s, _ := k.endSession(r.Context(), key)
			hint = cmp.Or(hint, s.Hint)
		}
	}
	return hint
}

func (k *Kit) endSession(ctx context.Context, key string) (s storedSession, err error) {
	r, err := k.o.Records.Get(ctx, sessionSpace, key)
	if err == nil {
		_ = json.Unmarshal(r.Value, &s) // what is not read must end too
		err = k.o.Records.Delete(ctx, sessionSpace, key, r.Version)
	}
	if err != nil {
		return s, err
	}
	return s, k.Revoke(ctx, sessionKind+"/"+key)
}

// Sessions returns the sessions of an account, the newest first.
func (k *Kit) Sessions(ctx context.Context, who string) ([]Session, error) {
	var all []Session
	err := k.each(ctx, sessionSpace, who+"/", func(r motacilla.Record) error {
		var s Session
		if err := json.Unmarshal(r.Value, &s); err != nil || whoOf(r.Key) != who {
			return nil //nolint:nilerr // of another version of the program, or of an account whose name has a slash
		}
		s.ID, s.Expires = strings.TrimPrefix(r.Key, who+"/"), r.Expires
		all = append(all, s)
		return nil
	})
	sortNewest(all, func(s Session) time.Time { return s.Created })
	return all, err
}

// EndSession ends a session of an account, or all of them if id is empty. ErrNotFound: there is none.
func (k *Kit) EndSession(ctx context.Context, who, id string) error {
	if id != "" {
		return k.endOne(ctx, who, id)
	}
	var list []motacilla.Record
	err := k.each(ctx, sessionSpace, who+"/", func(r motacilla.Record) error {
		if whoOf(r.Key) == who {
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range list {
		err := k.o.Records.Delete(ctx, sessionSpace, r.Key, r.Version)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
	}
	return k.Revoke(ctx, who) // also if there is none any more: an earlier call may have failed here
}

// EndSessionThere ends the sessions of an account that another server calls there.
func (k *Kit) EndSessionThere(ctx context.Context, who, there string) error {
	var keys []string
	err := k.each(ctx, sessionSpace, who+"/", func(r motacilla.Record) error {
		var s storedSession
		if err := json.Unmarshal(r.Value, &s); err == nil && whoOf(r.Key) == who && s.There == there {
			keys = append(keys, r.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if _, err := k.endSession(ctx, key); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
	}
	if len(keys) == 0 { // an earlier call may have failed halfway: what nodes remember of the account is asked again
		return k.AccountChanged(ctx, who)
	}
	return nil
}

// endOne ends a session that somebody names. If its record is gone already, nodes ask again about the whole account: an earlier call
// may have failed in between. That is one record, whatever is named.
func (k *Kit) endOne(ctx context.Context, who, id string) error {
	key := who + "/" + id
	if !sessionID.MatchString(id) {
		return fmt.Errorf("session %q: %w", short.Cut(id, 40), motacilla.ErrNotFound)
	}
	_, err := k.endSession(ctx, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		if err := k.AccountChanged(ctx, who); err != nil {
			return err
		}
		return fmt.Errorf("session %q: %w", id, motacilla.ErrNotFound)
	}
	return err
}

// sessionID is what [sessionKey] makes of a secret.
var sessionID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// AccountChanged makes all nodes ask again what an account may do. Its streams end, and come again.
func (k *Kit) AccountChanged(ctx context.Context, who string) error { return k.Revoke(ctx, who) }

// sortNewest sorts by time, the newest first.
func sortNewest[T any](list []T, at func(T) time.Time) {
	slices.SortStableFunc(list, func(a, b T) int { return at(b).Compare(at(a)) })
}
