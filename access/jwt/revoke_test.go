package jwt

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// asks authorises a token to read the channel "own" on a node, and returns its grant.
func (s *site) asks(token string) (route.Grant, error) {
	return s.Authorize(get(http.MethodGet, "/", "Authorization", "Bearer "+token), "own", route.Read)
}

// on returns another node on the same store.
func (s *site) on(t *testing.T) *site {
	t.Helper()
	return openOn(t, s.store, options())
}

// TestRevoked: a token is revoked by its name, or by its account. It opens nothing on any node 2 s later, and what it has opened ends.
// Others go on, and so do those that are issued after that.
func TestRevoked(t *testing.T) {
	for name, tt := range map[string]struct {
		by    func() access.Revocation
		other map[string]any // the claims of a token that goes on
	}{
		"by jti": {func() access.Revocation { return access.Revocation{JTI: "one"} }, map[string]any{"jti": "two"}},
		"by who": {func() access.Revocation { return access.Revocation{Who: "jwt/42"} }, map[string]any{"jti": "one, of another", "sub": "43"}},
		"by who, issued before": {func() access.Revocation {
			return access.Revocation{Who: "jwt/42", Before: time.Now().Add(-time.Minute)}
		}, map[string]any{"jti": "two"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := open(t, options())
				second := first.on(t)
				issued := time.Now().Add(-2 * time.Minute).Unix()
				token := hs(map[string]any{"jti": "one", "iat": issued})
				other := hs(tt.other)
				ended := make(chan string, 4)
				var id string
				for node, s := range map[string]*site{"first": first, "second": second} {
					grant, err := s.asks(token)
					if err != nil {
						t.Fatal(err)
					}
					id = grant.Holder.ID
					grant.Holder.OnRevoke(func() { ended <- node })
					if _, err := s.asks(other); err != nil {
						t.Fatal(err)
					}
				}
				ticket, _, err := second.Kit().Ticket(t.Context(), subjectOf(t, second, token))
				if err != nil {
					t.Fatal(err)
				}
				if h, err := second.Kit().Resume(t.Context(), id, "own"); err != nil || h == nil || h.Who != "jwt/42" {
					t.Errorf("resumed before that: %+v, %v", h, err)
				}
				if _, err := first.Kit().RevokeSigned(t.Context(), tt.by()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second) // of the bubble: what the documents promise
				synctest.Wait()
				if len(ended) != 2 {
					t.Errorf("%d streams have ended", len(ended))
				}
				for node, s := range map[string]*site{"first": first, "second": second, "a new one": first.on(t)} {
					if _, err := s.asks(token); !errors.Is(err, motacilla.ErrUnauthorized) {
						t.Errorf("%s node: %v", node, err)
					}
					if _, err := s.asks(other); err != nil {
						t.Errorf("%s node, another token: %v", node, err)
					}
					if h, err := s.Kit().Resume(t.Context(), id, "own"); err != nil || h != nil {
						t.Errorf("%s node resumes %+v, %v", node, h, err)
					}
				}
				r := get(http.MethodGet, "/?"+access.TicketParameter+"="+ticket)
				if _, err := second.Authorize(r, "own", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
					t.Errorf("by a ticket: %v", err)
				}
				if _, err := second.asks(hs(map[string]any{"jti": "new", "iat": time.Now().Unix()})); err != nil {
					t.Errorf("a new token: %v", err)
				}
			})
		})
	}
}

// Without iat a token counts as old, and with a jti that is no text it is refused.
func TestRevokedWithoutTime(t *testing.T) {
	s := open(t, options())
	token := hs(map[string]any{"iat": nil})
	if _, err := s.asks(token); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Kit().RevokeSigned(t.Context(), access.Revocation{Who: "jwt/42", Before: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.asks(token); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("without iat: %v", err)
	}
	for _, jti := range []any{7, "", []string{"one"}} {
		if _, err := s.asks(hs(map[string]any{"jti": jti})); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("jti %v: %v", jti, err)
		}
	}
}

// A ticket of a connection with several channels is worth as much as the token, for as long as the connection lasts.
func TestRevokedLongAfterTheTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, options())
		ticket, _, err := s.Kit().Ticket(t.Context(), subjectOf(t, s, hs(map[string]any{"jti": "one"})))
		if err != nil {
			t.Fatal(err)
		}
		r, _ := s.Watch(get(http.MethodGet, "/?"+access.TicketParameter+"="+ticket))
		for range 3 {
			if _, err := s.Authorize(r, "own", route.Read); err != nil {
				t.Errorf("after a while: %v", err)
			}
			time.Sleep(10 * time.Minute) // nothing watches the token meanwhile
		}
		if _, err := s.Kit().RevokeSigned(t.Context(), access.Revocation{JTI: "one"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Authorize(r, "own", route.Read); !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("after it was revoked: %v", err)
		}
	})
}

func subjectOf(t *testing.T, s *site, token string) *access.Subject {
	t.Helper()
	subject, err := s.Kit().Subject(get(http.MethodGet, "/", "Authorization", "Bearer "+token))
	if err != nil {
		t.Fatal(err)
	}
	return subject
}
