package access

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// Access decides who may do what.
type Access struct {
	kit            *Kit
	authenticators []Authenticator
	cookies        []string // names of cookies that have credentials
	cache          cache
	origin         *http.CrossOriginProtection
	audit          *audit

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns the Access that knows the server's token, named tokens, sessions and tickets, and what the authenticators know.
// token is the server's; empty is none. The authenticators must be made with kit.
func New(kit *Kit, token string, authenticators ...Authenticator) *Access {
	a := &Access{kit: kit, origin: http.NewCrossOriginProtection(), audit: kit.audit}
	a.authenticators = append([]Authenticator{server{route.NewToken(token, nil, nil)}, tokens{kit}, sessions{kit}}, authenticators...)
	for _, one := range a.authenticators {
		if c, ok := one.(Cookied); ok {
			for _, name := range c.Cookies() {
				if !slices.Contains(a.cookies, name) {
					a.cookies = append(a.cookies, name)
				}
			}
		}
		if c, ok := one.(Accounts); ok {
			kit.accounts = append(kit.accounts, c)
		}
		if o, ok := one.(Offers); ok {
			kit.offers = append(kit.offers, o)
		}
	}
	kit.holders.drop = a.cache.drop
	kit.api = rest.New(a.Authorize, kit.o.Logger)
	kit.hook = a.meant
	return a
}

// Kit is what the authenticators share.
func (a *Access) Kit() *Kit { return a.kit }

// Join says which site it is. It must be called before the first request.
func (a *Access) Join(s Site) { a.kit.site = s }

// Start starts the authenticators, and begins to look for what other nodes revoke.
func (a *Access) Start(ctx context.Context) error {
	running, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.running.Go(func() { a.kit.holders.watch(running) })
	a.running.Go(func() { a.audit.run(running) })
	for _, one := range a.authenticators {
		if s, ok := one.(Starter); ok {
			if err := s.Start(ctx); err != nil {
				_ = a.Shutdown(ctx)
				return fmt.Errorf("start %T: %w", one, err)
			}
		}
	}
	return nil
}

// Announce is called when the site can be reached, at base.
func (a *Access) Announce(ctx context.Context, base string) error {
	for _, one := range a.authenticators {
		if s, ok := one.(Announcer); ok {
			if err := s.Announce(ctx, base); err != nil {
				return err
			}
		}
	}
	return nil
}

// Shutdown writes the last events of the audit log.
func (a *Access) Shutdown(ctx context.Context) error {
	if a.stop == nil {
		return nil
	}
	a.stop()
	done := make(chan struct{})
	go func() {
		a.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Watch returns r with what the hook notes of it: a ticket is used once for all channels of a request, and a request that may
// change something is noted in the audit log. Whoever serves the request must call done with the status of the answer. If r is
// watched already, or need not be, Watch returns r.
func (a *Access) Watch(r *http.Request) (watched *http.Request, done func(status int)) {
	if reads(r) && ticketOf(r) == "" {
		return r, func(int) {}
	}
	if _, again := r.Context().Value(requestKey{}).(*request); again {
		return r, func(int) {}
	}
	one := &request{}
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, one)), func(status int) {
		one.mu.Lock()
		defer one.mu.Unlock()
		if e := one.event; e.Action != "" {
			e.Status = status
			a.audit.add(e)
		}
	}
}

// Around returns h with [Access.Watch] around it, for servers other than package live.
func (a *Access) Around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched, done := a.Watch(r)
		if watched == r {
			h.ServeHTTP(w, r)
			return
		}
		rec := &status{ResponseWriter: w}
		defer func() { // also if h panics
			r.Pattern = watched.Pattern // the caller looks for it in r
			done(rec.given)
		}()
		h.ServeHTTP(rec, watched)
		rec.given = cmp.Or(rec.given, http.StatusOK)
	})
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	given int
}

func (s *status) WriteHeader(code int) {
	if s.given == 0 && code >= http.StatusOK {
		s.given = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(p []byte) (int, error) {
	s.given = cmp.Or(s.given, http.StatusOK)
	return s.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// SignInPath is where people sign in, below the path of the site.
const SignInPath = "/sign-in"

// HasSignIn reports whether there is a page for signing in.
func (a *Access) HasSignIn() bool {
	return slices.ContainsFunc(a.URLs(), func(r route.Route) bool { return r.Pattern == SignInPath })
}

// URLs returns the routes of the interface below /api/access, and those of the authenticators.
func (a *Access) URLs() []route.Route {
	all := a.own()
	for _, one := range a.authenticators {
		if s, ok := one.(Sited); ok {
			all = append(all, s.URLs()...)
		}
	}
	return all
}

// account returns an account; nil if no authenticator knows it.
func (k *Kit) account(ctx context.Context, who string) (*Account, error) {
	for _, one := range k.accounts {
		if acc, err := one.Account(ctx, who); acc != nil || err != nil {
			return acc, err
		}
	}
	return nil, nil
}

// each calls do for each record of a namespace whose key begins with prefix.
func (k *Kit) each(ctx context.Context, namespace, prefix string, do func(motacilla.Record) error) error {
	for after := ""; ; {
		list, err := k.o.Records.List(ctx, namespace, prefix, after, mostListed)
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := do(r); err != nil {
				return err
			}
			after = r.Key
		}
		if len(list) < mostListed {
			return nil
		}
	}
}
