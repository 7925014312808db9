package route

import (
	"context"
	"strings"
	"sync/atomic"
)

// Holder is whom permissions were given to. All requests of one session, or with one token, have the same Holder on a node.
type Holder struct {
	ID   string // of the session or token, not secret: it is what is revoked
	Who  string // the account, as "person/ID", "token/NAME", "jwt/SUBJECT" or "server"; it never changes
	Name string // what people call it

	*permission // nil if it can't be revoked
}

// permission is what all Holders of one ID share.
type permission struct {
	ctx      context.Context // ends when the permission is revoked
	watchers atomic.Int64
}

// NewHolder returns a Holder, and revoke, which ends its streams on this node. revoke may be called more than once.
func NewHolder(id, who, name string) (h *Holder, revoke func()) {
	ctx, cancel := context.WithCancel(context.Background())
	return &Holder{ID: id, Who: who, Name: name, permission: &permission{ctx: ctx}}, cancel
}

// Renamed returns h with another account and name. It is the same permission: both are revoked together.
func (h *Holder) Renamed(who, name string) *Holder {
	return &Holder{ID: h.ID, Who: who, Name: name, permission: h.permission}
}

// Revocable reports whether the permission can be revoked. That of a nil Holder can't be.
func (h *Holder) Revocable() bool { return h != nil && h.permission != nil }

// Revoked reports whether the permission was revoked.
func (h *Holder) Revoked() bool { return h.Revocable() && h.ctx.Err() != nil }

// OnRevoke calls f in a goroutine of its own when the permission is revoked, or at once if it was. It costs no goroutine until
// then. A call of stop cancels that, as that of [context.AfterFunc] does; whoever no longer needs it must call stop.
func (h *Holder) OnRevoke(f func()) (stop func() bool) {
	if !h.Revocable() {
		return func() bool { return true }
	}
	h.watchers.Add(1)
	cancel := context.AfterFunc(h.ctx, func() {
		h.watchers.Add(-1)
		f()
	})
	return func() bool {
		stopped := cancel()
		if stopped {
			h.watchers.Add(-1)
		}
		return stopped
	}
}

// Watched reports whether something waits for the revocation.
func (h *Holder) Watched() bool { return h.Revocable() && h.watchers.Load() > 0 }

// Person returns the ID of the account if the holder is a person.
func (h *Holder) Person() (id string, is bool) {
	if h == nil {
		return "", false
	}
	return strings.CutPrefix(h.Who, "person/")
}

// HolderOf returns the holder of the grant that ctx carries, or nil. ctx is that of a request which was authorised, or comes from it.
func HolderOf(ctx context.Context) *Holder {
	g, _ := ctx.Value(grantKey{}).(Grant)
	return g.Holder
}
