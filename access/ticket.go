package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// ticketSpace has a record for each ticket that was not used. Its key is the ticket's hash.
const ticketSpace = "access-tickets"

// TicketParameter is the parameter of a URL that has a ticket.
const TicketParameter = "ticket"

// ticketLife is how long a ticket can be used.
const ticketLife = 30 * time.Second

// storedTicket is a ticket as it is kept: a subject.
type storedTicket struct {
	ID      string    `json:"id"`
	Who     string    `json:"who"`
	Name    string    `json:"name"`
	Fixed   bool      `json:"fixed,omitempty"` // the holder can't be revoked
	Rights  Rights    `json:"rights"`
	Expires time.Time `json:"expires,omitzero"`
}

// Ticket returns a ticket: for one request it is worth as much as the subject's own credential, to read. A browser's EventSource and
// WebSocket can't send an Authorization header. What stands in a URL may be logged on the way, so a ticket is short-lived, and
// used once.
func (k *Kit) Ticket(ctx context.Context, s *Subject) (ticket string, life time.Duration, err error) {
	life = ticketLife
	if !s.Expires.IsZero() {
		life = min(life, time.Until(s.Expires))
	}
	if life <= 0 {
		return "", 0, fmt.Errorf("%w: the permission has ended", motacilla.ErrUnauthorized)
	}
	value, err := json.Marshal(storedTicket{s.Holder.ID, s.Holder.Who, s.Holder.Name, !s.Holder.Revocable(), s.Rights, s.Expires})
	if err != nil {
		return "", 0, err
	}
	ticket = rand.Text()
	_, err = k.o.Records.Put(ctx, motacilla.Record{Namespace: ticketSpace, Key: hash(ticket), Value: value, TTL: life})
	return ticket, life, err
}

// redeem takes a ticket: whoever deletes its record may use it. A request may ask for several channels: it redeems its ticket once.
func (k *Kit) redeem(r *http.Request, ticket string) (*Subject, error) {
	once, ok := r.Context().Value(requestKey{}).(*request)
	if !ok {
		return k.take(r.Context(), ticket)
	}
	once.ticket.Lock()
	defer once.ticket.Unlock()
	s, now := once.subject, time.Now()
	ended := fmt.Errorf("%w: the permission has ended", motacilla.ErrUnauthorized)
	switch {
	case once.asked.IsZero():
		once.asked = now
		once.subject, once.err = k.take(r.Context(), ticket)
		return once.subject, once.err
	case s == nil:
		return nil, once.err
	case s.Holder.Revoked(), !s.Expires.IsZero() && !now.Before(s.Expires):
		return nil, ended
	case !s.Holder.Revocable() || now.Sub(once.asked) < remember:
		return s, nil
	}
	// A connection may last for hours. This node forgets a Holder that nothing watches, and then nobody revokes it any more.
	var err error
	if isSigned(s.Holder.ID) {
		s, err = k.signedAgain(r.Context(), *s)
	} else {
		s, err = k.subjectOf(r.Context(), s.Holder.ID)
	}
	if err != nil || s == nil {
		return nil, cmp.Or(err, ended)
	}
	once.subject, once.asked = s, now
	return s, nil
}

func (k *Kit) take(ctx context.Context, ticket string) (*Subject, error) {
	used := fmt.Errorf("%w: the ticket is not known, was used, or has expired", motacilla.ErrUnauthorized)
	if len(ticket) > 100 {
		return nil, used
	}
	rec, err := k.o.Records.Get(ctx, ticketSpace, hash(ticket))
	if err == nil {
		err = k.o.Records.Delete(ctx, ticketSpace, rec.Key, rec.Version)
	}
	switch {
	case errors.Is(err, motacilla.ErrNotFound), errors.Is(err, motacilla.ErrConflict):
		return nil, used
	case err != nil:
		return nil, err
	}
	var t storedTicket
	if err := json.Unmarshal(rec.Value, &t); err != nil {
		return nil, fmt.Errorf("read ticket: %w", err)
	}
	if t.Fixed {
		return &Subject{Holder: &route.Holder{ID: t.ID, Who: t.Who, Name: t.Name}, Rights: t.Rights, Expires: t.Expires}, nil
	}
	if isSigned(t.ID) {
		return k.signedAgain(ctx, Subject{Holder: &route.Holder{ID: t.ID, Who: t.Who, Name: t.Name}, Rights: t.Rights, Expires: t.Expires})
	}
	if now, err := k.subjectOf(ctx, t.ID); now != nil || err != nil {
		return now, err
	}
	s := &Subject{Holder: k.Holder(t.ID, t.Who, t.Name), Rights: t.Rights, Expires: t.Expires}
	for _, id := range []string{t.ID, t.Who} {
		revoked, err := k.o.Records.Get(ctx, revokedSpace, id)
		switch {
		case err == nil && revoked.Version > rec.Version-remember.Microseconds(): // or just before the ticket was made
			return nil, used
		case err != nil && !errors.Is(err, motacilla.ErrNotFound):
			return nil, err
		}
	}
	return s, nil
}
