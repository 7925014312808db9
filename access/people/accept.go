package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// accept uses a link. It makes an account of login and name, or replaces what the account of the link signs in with. with sets the
// password or the passkey. ErrExists: the login is taken; the link can be used again. errGone: the link can't be used.
func (p *People) accept(ctx context.Context, inv *invitation, login, name string, with func(*person)) (*person, error) {
	if inv.Kind == resetting {
		return p.reset(ctx, inv, with)
	}
	one := &person{login: login, Name: name, Rights: inv.Rights, By: inv.By}
	with(one)
	if free, err := p.free(ctx, login); !free || err != nil {
		if err == nil {
			err = errTaken
		}
		return nil, err
	}
	if inv.Kind == isFirst {
		if err := p.claim(ctx); err != nil {
			return nil, err
		}
	}
	undo, err := p.consume(ctx, inv)
	if err != nil {
		return nil, err
	}
	if err := p.create(ctx, one); err != nil {
		undo()
		return nil, err
	}
	if inv.Kind == isFirst {
		p.forgetFirst(ctx)
	}
	return one, nil
}

var errTaken = fmt.Errorf("login: %w", motacilla.ErrExists)

// free reports whether nobody has a login.
func (p *People) free(ctx context.Context, login string) (bool, error) {
	_, err := p.records.Get(ctx, personSpace, login)
	if errors.Is(err, motacilla.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// reset replaces everything that an account signs in with, and ends its sessions.
func (p *People) reset(ctx context.Context, inv *invitation, with func(*person)) (*person, error) {
	undo, err := p.consume(ctx, inv)
	if err != nil {
		return nil, err
	}
	one, err := p.change(ctx, inv.Login, func(one *person) error {
		if !inv.resets(one) {
			return errGone
		}
		one.Password, one.Passkeys = "", nil
		with(one)
		one.Generation++
		return nil
	})
	if err == nil {
		return one, p.out(ctx, one.login)
	}
	if !errors.Is(err, motacilla.ErrNotFound) {
		undo()
	}
	return nil, err
}

// out ends all sessions of a person.
func (p *People) out(ctx context.Context, login string) error {
	if err := p.kit.EndSession(ctx, whoOf(login), ""); err != nil {
		return err
	}
	return p.kit.AccountChanged(ctx, whoOf(login))
}

// The record of whoever makes the first account. Links of several nodes can't make two: the record outlives the making.
const (
	claimSpace = "access-first"
	claimKey   = "claim"
	claimLife  = time.Minute
)

// claim lets one request make the first account. errGone: there is one, or another request makes it.
func (p *People) claim(ctx context.Context) error {
	_, err := p.records.Put(ctx, motacilla.Record{Namespace: claimSpace, Key: claimKey, TTL: claimLife})
	if errors.Is(err, motacilla.ErrConflict) {
		return errGone
	}
	if err != nil {
		return err
	}
	there, err := p.anybody(ctx)
	if there {
		return errGone
	}
	return err
}
