package access

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
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
	own := server{}
	if token != "" {
		own.digest = hash(token)
	}
	a.authenticators = append([]Authenticator{own, tokens{kit}, sessions{kit}}, authenticators...)
	for _, one := range a.authenticators {
		if c, ok := one.(Cookied); ok {
			a.cookies = append(a.cookies, c.Cookies()...)
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
	kit.hook = func(r *http.Request) (*Subject, error) {
		s, _, err := a.subject(r)
		return s, err
	}
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
				return fmt.Errorf("start %T: %w", one, err)
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

// Around returns h with what the hook needs around it: a request that may change something is noted in the audit log with the
// status of its answer, and a ticket is used once for all channels of a request.
func (a *Access) Around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if reads && ticketOf(r) == "" {
			h.ServeHTTP(w, r)
			return
		}
		one := &request{}
		inner := r.WithContext(context.WithValue(r.Context(), requestKey{}, one))
		defer func() { r.Pattern = inner.Pattern }() // the caller looks for the pattern in r
		if reads {
			h.ServeHTTP(w, inner)
			return
		}
		rec := &status{ResponseWriter: w}
		defer func() {
			one.mu.Lock()
			defer one.mu.Unlock()
			if e := one.event; e.Action != "" {
				e.Status = rec.code()
				a.audit.add(e)
			}
		}()
		h.ServeHTTP(rec, inner)
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

func (s *status) code() int {
	if s.given == 0 {
		return http.StatusOK
	}
	return s.given
}

// Unwrap is for http.ResponseController.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

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
