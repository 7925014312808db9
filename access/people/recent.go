package people

import (
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
)

// recently is how long after signing in somebody may change how the account signs in. Whoever finds a browser that was left open must
// not be able to take the account over.
const recently = 15 * time.Minute

func recent(s *access.Subject) bool { return time.Since(s.Began) < recently }

// errStale is for who has signed in, but not lately.
var errStale = fmt.Errorf("%w: sign in again first: it was more than 15 minutes ago", motacilla.ErrForbidden)

// stale notes that somebody has to sign in again, and returns errStale.
func (p *People) stale(r *http.Request, one *person, action string) error {
	p.refused(r, one.holder(), action, errStale)
	return errStale
}

// person returns the person who has signed in. The error is an ErrUnauthorized, or an ErrForbidden if the account is kept elsewhere.
func (p *People) person(r *http.Request) (*access.Subject, *person, error) {
	s, one, err := p.self(r)
	switch {
	case err != nil:
		return nil, nil, err
	case s == nil:
		return nil, nil, fmt.Errorf("%w: sign in first", motacilla.ErrUnauthorized)
	case one == nil:
		return nil, nil, fmt.Errorf("%w: another server keeps the account", motacilla.ErrForbidden)
	}
	return s, one, nil
}

// lately is person for what only somebody may do who has signed in a short while ago. Otherwise the error is errStale.
func (p *People) lately(r *http.Request, action string) (*person, error) {
	s, one, err := p.person(r)
	if err == nil && !recent(s) {
		err = p.stale(r, one, action)
	}
	return one, err
}
