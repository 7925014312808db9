package route

import (
	"context"
	"strings"
)

// Holder is whom permissions were given to. All requests of one session, or with one token, have the same Holder on a node.
type Holder struct {
	ID   string // of the session or token, not secret: it is what is revoked
	Who  string // the account, as "person/ID", "token/NAME", "jwt/SUBJECT" or "server"; it never changes
	Name string // what people call it

	ctx context.Context // ends when the permission is revoked; nil if it can't be
}

// NewHolder returns a Holder, and revoke, which ends its streams on this node. revoke may be called more than once.
func NewHolder(id, who, name string) (h *Holder, revoke func()) {
	ctx, cancel := context.WithCancel(context.Background())
	return &Holder{ID: id, Who: who, Name: name, ctx: ctx}, cancel
}

// Revoked is closed when the permission is revoked. It is nil if it can't be, also of a nil Holder.
func (h *Holder) Revoked() <-chan struct{} {
	if h == nil || h.ctx == nil {
		return nil
	}
	return h.ctx.Done()
}

// OnRevoke calls f in a goroutine of its own when the permission is revoked, or at once if it was. A call of stop cancels that,
// as that of [context.AfterFunc] does. It costs no goroutine until then.
func (h *Holder) OnRevoke(f func()) (stop func() bool) {
	if h == nil || h.ctx == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(h.ctx, f)
}

// Person returns the ID of the account if the holder is a person.
func (h *Holder) Person() (id string, is bool) {
	if h == nil {
		return "", false
	}
	return strings.CutPrefix(h.Who, "person/")
}
