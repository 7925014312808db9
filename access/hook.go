package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

// Authorize is the hook that decides who may do what: it is a [route.Authorizer]. Everybody may read public channels. Whoever
// has shown who it is may do what its rights permit. A cookie permits to change something only in requests of the site's own
// pages: other sites can make a browser send cookies too.
func (a *Access) Authorize(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
	s, byCookie, err := a.subject(r)
	if s != nil && action != route.Read {
		if err := sentAs(r, s.Holder); err != nil {
			if !route.IsTentative(r) {
				a.audit.refused(r, s.Holder, ch, action, err)
			}
			return route.Grant{}, err
		}
	}
	switch {
	case err != nil && !errors.Is(err, motacilla.ErrUnauthorized):
		if action == route.Read { // for a public channel it does not matter who asks
			if grant, wrong := route.ReadPublic(r, ch, a.kit.site.Channel); wrong == nil && ch != "" {
				return grant, nil
			}
		}
		return route.Grant{}, err
	case s != nil && s.Rights.Allow(ch, action):
		if byCookie && action != route.Read && a.origin.Check(r) != nil {
			err = route.ErrOtherOrigin
			a.audit.refused(r, s.Holder, ch, action, err)
			return route.Grant{}, err
		}
		if action != route.Read && !reads(r) && !route.IsTentative(r) { // whoever may write sees more in what is read
			a.audit.permitted(r, s.Holder, ch, action)
		}
		return route.Grant{Expires: s.Expires, Holder: s.Holder}, nil
	case action == route.Read:
		grant, wrong := route.ReadPublic(r, ch, a.kit.site.Channel)
		if wrong == nil || !errors.Is(wrong, motacilla.ErrForbidden) {
			return grant, wrong
		}
		if err == nil {
			err = wrong
		}
	case err == nil && s == nil:
		err = fmt.Errorf("%w: sign in, or send a token as Authorization: Bearer TOKEN", motacilla.ErrUnauthorized)
	case err == nil:
		err = fmt.Errorf("%w: %s may not do that%s", motacilla.ErrForbidden, s.Holder.Name, on(ch))
	}
	if !route.IsTentative(r) {
		a.audit.refused(r, holderOf(s), ch, action, err)
	}
	return route.Grant{}, err
}

// As is the header in which a request may say as whom it is sent: what GET /api/access/me calls "who", percent-encoded as in a URL. If
// somebody else is signed in, the request is refused with ErrUnauthorized. So a program that keeps what a person has written sends it as
// nobody else, though another person signs in just then. It is looked at where something may be changed.
const As = "Motacilla-As"

// meant returns who sends a request. The error is an ErrUnauthorized if it may change something, and says that somebody else sends it.
func (a *Access) meant(r *http.Request) (*Subject, error) {
	s, _, err := a.subject(r)
	if s != nil && !reads(r) {
		if err := sentAs(r, s.Holder); err != nil {
			return nil, err
		}
	}
	return s, err
}

// sentAs returns an ErrUnauthorized if a request says that somebody other than h sends it.
func sentAs(r *http.Request, h *route.Holder) error {
	given := r.Header.Get(As)
	if given == "" {
		return nil
	}
	if who, err := url.PathUnescape(given); err == nil && who == h.Who {
		return nil
	}
	return fmt.Errorf("%w: %s says %q, and %s is signed in", motacilla.ErrUnauthorized, As, short.Cut(given, motacilla.MaxID), h.Who)
}

// reads reports whether a request changes nothing.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func on(ch motacilla.ChannelID) string {
	if ch == "" {
		return ""
	}
	return fmt.Sprintf(" on channel %q", ch)
}

func holderOf(s *Subject) *route.Holder {
	if s == nil {
		return nil
	}
	return s.Holder
}

// subject returns who sends a request; nil if it shows nothing that is known. byCookie is true if only a cookie says so. The
// first credential that is known counts: the Authorization header, a ticket, a cookie.
func (a *Access) subject(r *http.Request) (s *Subject, byCookie bool, err error) {
	if secret, ok := bearer(r); ok {
		if len(secret) > mostSecret {
			return nil, false, fmt.Errorf("%w: the token is longer than %d bytes", motacilla.ErrUnauthorized, mostSecret)
		}
		s, err = a.know(r.Context(), Credential{Secret: secret})
		if s == nil && err == nil {
			err = fmt.Errorf("%w: the token is not known here", motacilla.ErrUnauthorized)
		}
		return s, false, err
	}
	if ticket := ticketOf(r); ticket != "" {
		s, err = a.kit.redeem(r, ticket)
		return s, false, err
	}
	for c := range cookies(r, a.cookies) {
		one, wrong := a.know(r.Context(), c)
		if one != nil {
			return one, true, nil
		}
		if wrong != nil && !errors.Is(wrong, motacilla.ErrUnauthorized) {
			return nil, true, wrong
		}
	}
	return nil, false, nil
}

// know returns whom a credential is of, from memory if it was asked lately.
func (a *Access) know(ctx context.Context, c Credential) (*Subject, error) {
	key, now := c.digest(), time.Now()
	f, ok := a.cache.get(key, now)
	if !ok || f.subject != nil && f.subject.Holder.Revoked() { // an account's rights may have changed
		f = found{until: now.Add(remember)}
		f.subject, f.err = a.kit.holders.unchanged(func() (*Subject, error) { return a.ask(ctx, c) })
		switch {
		case f.err != nil && !errors.Is(f.err, motacilla.ErrUnauthorized):
			return nil, f.err
		case f.subject == nil:
			f.until = now.Add(rememberWrong)
		}
		a.cache.put(key, f, now)
	}
	if s := f.subject; s != nil && !s.Expires.IsZero() && !now.Before(s.Expires) {
		return nil, fmt.Errorf("%w: the permission has ended", motacilla.ErrUnauthorized)
	}
	return f.subject, f.err
}

func (a *Access) ask(ctx context.Context, c Credential) (*Subject, error) {
	for _, one := range a.authenticators {
		s, err := one.Authenticate(ctx, c)
		switch {
		case err != nil:
			return nil, err
		case s != nil && s.Holder == nil:
			return nil, fmt.Errorf("%T knows somebody without a Holder", one)
		case s != nil:
			return s, nil
		}
	}
	return nil, nil
}
