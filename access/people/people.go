// Package people knows the people who have an account here: they sign in with a password or a passkey, and come by invitation. It is
// an [access.Authenticator].
//
// # Who gets in
//
// Whoever may manage invites people, and says what they may do. An invitation is a link that works once. The first account is made
// by a link that the server writes to its standard error when it starts and there is nobody yet: [People.Announce].
//
// # What is kept
//
// Accounts are records of the store, so all nodes know them. Passwords are kept as hashes of argon2id. Of passkeys, the public keys
// are kept. Secrets of links are kept as hashes.
//
// # Limits
//
// An address has 10 tries to sign in by password a minute. An account has 10 in an hour, wherever they come from, apart from those
// of browsers that have signed in to it before, each of which has its own 10. So strangers can't lock people out. As many passwords
// are checked at a time as there are CPUs.
package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Name is the authenticator's type in the configuration.
const Name = "people"

// Options are the settings. nil and zero fields mean the defaults.
type Options struct {
	Invitation time.Duration `key:"invitation" doc:"how long an invitation can be used" min:"1m" max:"8760h"`

	// Notice gets the link for the first account; nil means standard error.
	Notice io.Writer
}

// Defaults returns the settings that the configuration does not give.
func Defaults() *Options { return &Options{Invitation: 7 * 24 * time.Hour} }

// People is the [access.Authenticator]. Its sessions are those of the [access.Kit].
type People struct {
	o       Options
	kit     *access.Kit
	records motacilla.Records
	log     *zap.Logger
	hashes  *hasher
	strict  *route.RateLimit // tries that cost a hash
	light   *route.RateLimit // what costs a read or a write of the store
	devices atomic.Pointer[[]byte]
}

var (
	_ access.Welcomes  = (*People)(nil)
	_ access.Sited     = (*People)(nil)
	_ access.Announcer = (*People)(nil)
)

// New returns the authenticator.
func New(o *Options, kit *access.Kit) *People {
	p := &People{o: *Defaults(), kit: kit, records: kit.Records(), log: kit.Logger(), hashes: newHasher(owasp)}
	if o != nil {
		p.o.Notice = o.Notice
		if o.Invitation > 0 {
			p.o.Invitation = o.Invitation
		}
	}
	if p.o.Notice == nil {
		p.o.Notice = os.Stderr
	}
	address := func(r *http.Request) netip.Addr { return kit.Site().Address(r) }
	p.strict = route.NewRateLimit(0, &route.RateLimitOptions{Every: 6 * time.Second, Burst: 10, Address: address})
	p.light = route.NewRateLimit(1, &route.RateLimitOptions{Burst: 60, Address: address})
	return p
}

// Authenticate knows no credentials: people come with sessions.
func (p *People) Authenticate(context.Context, access.Credential) (*access.Subject, error) {
	return nil, nil
}

// Account returns the account of somebody who has signed in.
func (p *People) Account(ctx context.Context, who string) (*access.Account, error) {
	login, is := strings.CutPrefix(who, personKind)
	if !is {
		return nil, nil
	}
	if clean, ok := parseLogin(login); !ok || clean != login {
		return nil, fmt.Errorf("person %q: %w", login, motacilla.ErrNotFound)
	}
	one, err := p.get(ctx, login)
	if err == nil && one.Disabled {
		err = fmt.Errorf("person %q is disabled: %w", login, motacilla.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return one.account(), nil
}

// note adds an event to the audit log. who may be nil.
func (p *People) note(r *http.Request, who *route.Holder, action, detail string) {
	e := p.kit.Event(r, who, action)
	e.Detail = detail
	p.kit.Note(e)
}

// refused adds a refusal to the audit log. who is whose account it is about; nil: nobody's that is known.
func (p *People) refused(r *http.Request, who *route.Holder, action string, why error) {
	problem := route.ProblemOf(why)
	e := p.kit.Event(r, who, action)
	e.Status, e.Refused = problem.Status, problem.Detail
	p.kit.Note(e)
}

// signedIn begins a session of a person who has shown who it is. The session has a new secret.
func (p *People) signedIn(w http.ResponseWriter, r *http.Request, one *person, how string) error {
	if err := p.kit.SignIn(w, r, one.account(), false, 0); err != nil {
		return err
	}
	// Whoever changed the account meanwhile has ended its sessions, but not yet this one.
	now, err := p.get(r.Context(), one.login)
	if err == nil && (now.Disabled || now.Generation != one.Generation) || errors.Is(err, motacilla.ErrNotFound) {
		w.Header().Del("Set-Cookie")
		if err := p.kit.EndSession(r.Context(), whoOf(one.login), ""); err != nil {
			return err
		}
		return errWrong
	}
	if err != nil {
		return err
	}
	p.know(w, r, one)
	p.note(r, one.holder(), "sign in", how)
	return nil
}

// errWrong is for all who do not show who they are. It does not say what was wrong.
var errWrong = fmt.Errorf("%w: the login or the password is wrong", motacilla.ErrUnauthorized)
