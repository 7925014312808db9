package access_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// ticket makes a ticket of whoever has a token.
func (s *site) ticket(token string) string {
	s.Helper()
	subject, err := s.Kit().Subject(request(http.MethodGet, "Authorization", "Bearer "+token))
	if err != nil {
		s.Fatal(err)
	}
	ticket, _, err := s.Kit().Ticket(s.Context(), subject)
	if err != nil {
		s.Fatal(err)
	}
	return ticket
}

func withTicket(method, ticket string) *http.Request {
	return httptest.NewRequest(method, "/?since=1&ticket="+ticket, nil)
}

// Of many requests at two nodes with one ticket, one is permitted.
func TestTicketIsUsedOnce(t *testing.T) {
	a := open(t, newSigned)
	nodes := []*site{a, join(t, a.store, newSigned)}
	for _, token := range []string{a.token("ci", "editor"), serverToken, "signed:anna", "fixed:anna"} {
		ticket := a.ticket(token)
		var permitted atomic.Int64
		var work sync.WaitGroup
		for i := range 20 {
			work.Go(func() {
				_, err := nodes[i%2].Authorize(withTicket(http.MethodGet, ticket), "closed", route.Read)
				switch {
				case err == nil:
					permitted.Add(1)
				case !errors.Is(err, motacilla.ErrUnauthorized):
					t.Error(err)
				}
			})
		}
		work.Wait()
		if n := permitted.Load(); n != 1 {
			t.Errorf("%s: the ticket was used %d times", token, n)
		}
	}
}

// A request for several channels uses its ticket once, for all of them.
func TestTicketForSeveralChannels(t *testing.T) {
	s := open(t)
	ask := func(ticket string) (errs []error) {
		s.Around(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range 3 {
				_, err := s.Authorize(r, "closed", route.Read)
				errs = append(errs, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), withTicket(http.MethodGet, ticket))
		return errs
	}
	ticket := s.ticket(s.token("ci", "reader"))
	if err := errors.Join(ask(ticket)...); err != nil {
		t.Error(err)
	}
	for _, err := range ask(ticket) {
		if !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("the ticket was used again: %v", err)
		}
	}
}

// A ticket does not permit to write, and is not taken by a request that writes.
func TestTicketReads(t *testing.T) {
	s := open(t)
	ticket := s.ticket(serverToken)
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch} {
		if _, err := s.Authorize(withTicket(method, ticket), "closed", route.Write); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := s.Authorize(withTicket(http.MethodGet, ticket), "closed", route.Read); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"x", "%00", "..%2F", ticket + "x"} {
		if _, err := s.Authorize(withTicket(http.MethodGet, bad), "closed", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := s.Authorize(withTicket(http.MethodGet, bad), "open", route.Read); err != nil {
			t.Errorf("%q on a public channel: %v", bad, err)
		}
	}
}

// A ticket lasts half a minute, and no longer than the credential for which it was given.
func TestTicketExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		early, late := s.ticket(serverToken), s.ticket(serverToken)
		time.Sleep(30*time.Second - time.Millisecond)
		if _, err := s.Authorize(withTicket(http.MethodGet, early), "closed", route.Read); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Millisecond)
		if _, err := s.Authorize(withTicket(http.MethodGet, late), "closed", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("after 30 s: %v", err)
		}
		secret, err := s.Kit().CreateToken(t.Context(), access.Token{
			Name: "short", Rights: access.Rights{{Role: access.Reader}}, Expires: time.Now().Add(10 * time.Second),
		})
		if err != nil {
			t.Fatal(err)
		}
		subject, err := s.Kit().Subject(request(http.MethodGet, "Authorization", "Bearer "+secret))
		if err != nil {
			t.Fatal(err)
		}
		ticket, life, err := s.Kit().Ticket(t.Context(), subject)
		if err != nil || life > 10*time.Second {
			t.Errorf("a ticket for %v, %v", life, err)
		}
		grant, err := s.Authorize(withTicket(http.MethodGet, ticket), "closed", route.Read)
		if err != nil || grant.Expires.IsZero() {
			t.Errorf("granted until %v, %v", grant.Expires, err)
		}
		time.Sleep(10 * time.Second)
		if _, _, err := s.Kit().Ticket(t.Context(), subject); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("a ticket after the end: %v", err)
		}
	})
}

// A ticket is worth nothing if its credential is revoked before it is used.
func TestTicketOfWhoIsRevoked(t *testing.T) {
	s := open(t, newSigned, newStaff)
	other := join(t, s.store, newSigned, newStaff)
	acc := hire(t, s.store.Records(), "anna", "editor")
	cookie := s.signIn(acc, request(http.MethodPost))
	subject, err := s.Kit().Subject(withCookies(request(http.MethodGet), cookie))
	if err != nil {
		t.Fatal(err)
	}
	ofSession, _, err := s.Kit().Ticket(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	ofToken, byID, byWho := s.ticket(s.token("ci", "editor")), s.ticket("signed:id"), s.ticket("signed:who")
	revoke := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	revoke(s.Kit().RevokeToken(t.Context(), "ci"))
	revoke(s.Kit().EndSession(t.Context(), acc.Who, ""))
	revoke(s.Kit().Revoke(t.Context(), "signed/id", "signed/who"))
	for _, ticket := range []string{ofSession, ofToken, byID, byWho} {
		if _, err := other.Authorize(withTicket(http.MethodGet, ticket), "closed", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("a ticket of who was revoked: %v", err)
		}
	}
}

// A connection that came with a ticket may ask for a channel hours later, when this node has long forgotten who watches nothing.
// What was revoked meanwhile counts.
func TestTicketOfALongConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		ticket := s.ticket(s.token("ci", "reader"))
		s.Around(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range 3 {
				grant, err := s.Authorize(r, "closed", route.Read)
				if err != nil || grant.Holder.Revoked() {
					t.Fatalf("before the revocation: %v", err)
				}
				time.Sleep(10 * time.Minute)
			}
			if err := s.Kit().RevokeToken(t.Context(), "ci"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Authorize(r, "closed", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
				t.Errorf("after the revocation: %v", err)
			}
			time.Sleep(time.Hour) // nobody knows of the revocation any more
			if _, err := s.Authorize(r, "closed", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
				t.Errorf("long after the revocation: %v", err)
			}
		})).ServeHTTP(httptest.NewRecorder(), withTicket(http.MethodGet, ticket))
	})
}
