package people

import (
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

const manage = route.Manage

// Announce writes the link for the first account if there is nobody yet. base is the URL of the site.
func (p *People) Announce(ctx context.Context, base string) error {
	there, err := p.anybody(ctx)
	if there || err != nil {
		return err
	}
	secret, err := p.invite(ctx, &invitation{Kind: isFirst, Rights: access.Rights{{Role: access.Admin}}}, linkLife)
	if err != nil {
		return fmt.Errorf("make the link for the first account: %w", err)
	}
	_, err = fmt.Fprintf(p.o.Notice, "Make the first account, within 24 hours: %s\n", link(base, secret))
	return err
}

// forgetFirst removes the links for the first account: there is one now. They would be refused anyway.
func (p *People) forgetFirst(ctx context.Context) {
	err := eachRecord(ctx, p.records, invitationSpace, func(r motacilla.Record) (bool, error) {
		if inv, err := readInvitation(r); err == nil && inv.Kind == isFirst {
			_ = p.records.Delete(ctx, invitationSpace, r.Key, r.Version)
		}
		return true, nil
	})
	if err != nil {
		p.log.Debug("removing the links for the first account failed", zap.Error(err))
	}
}
