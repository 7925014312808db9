package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/zap"
)

const (
	leastFresh  = 5 * time.Minute
	usualFresh  = 15 * time.Minute // if the issuer does not say
	mostFresh   = 24 * time.Hour
	outage      = 24 * time.Hour   // for how long the last keys count if no newer ones can be had
	betweenAsks = 30 * time.Second // the least time between two calls to the issuer
	mostSet     = 1 << 20          // bytes
)

// keySet has the keys that an issuer publishes at a URL. It is asked again when they are no longer fresh, and when a token names a
// key that is not known; but only every betweenAsks, whatever tokens name. All requests share a call.
type keySet struct {
	url    string
	client *outbound.Client
	log    *zap.Logger
	now    func() time.Time
	wait   time.Duration // for a call, by a request

	ctx     context.Context // ends with stop
	stop    context.CancelFunc
	running sync.WaitGroup // of calls

	mu    sync.Mutex
	keys  map[keyName]any
	due   time.Time // when the keys are no longer fresh; zero: there are none yet
	asked time.Time // when the last call began
	wrong error     // of the last call that ended
	call  *call     // under way; nil if none is
}

type call struct {
	began time.Time
	done  chan struct{}
}

func newKeySet(url string, client *outbound.Client, log *zap.Logger) *keySet {
	s := &keySet{url: url, client: client, log: log, now: time.Now, wait: 5 * time.Second}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// start begins the first call.
func (s *keySet) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.call == nil {
		s.begin()
	}
}

// close ends the call under way, and waits for it.
func (s *keySet) close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.running.Wait()
}

// find returns the key of that name. The error is an ErrUnauthorized if the issuer has no such key, and an ErrUnavailable if that
// can't be told now.
func (s *keySet) find(ctx context.Context, name keyName) (any, error) {
	found, pending, err := s.look(name)
	if pending == nil {
		return found, err
	}
	late := time.NewTimer(time.Until(pending.began.Add(s.wait)))
	defer late.Stop()
	select {
	case <-pending.done:
	case <-late.C:
	case <-ctx.Done():
	}
	found, _, err = s.look(name)
	return found, err
}

// look returns what is known of a key. pending is a call whose answer is worth waiting for; nil if none is.
func (s *keySet) look(name keyName) (found any, pending *call, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	usable := !s.due.IsZero() && now.Before(s.due.Add(outage))
	if usable {
		found = s.named(name)
	}
	if found != nil && now.Before(s.due) {
		return found, nil, nil
	}
	if s.call == nil && (s.asked.IsZero() || now.Sub(s.asked) >= betweenAsks) {
		s.begin()
	}
	switch {
	case found != nil && s.wrong != nil:
		return found, nil, nil // an outage: nobody waits for its end
	case found != nil:
		return found, s.call, nil
	case !usable || s.wrong != nil:
		return nil, s.call, &motacilla.UnavailableError{Reason: "the keys of tokens can't be had now", Err: cause(s.wrong)}
	}
	return nil, s.call, refused("it is signed with a key that is not known")
}

func cause(err error) error {
	if err == nil {
		return errors.New("no answer yet")
	}
	return err
}

// named returns the key of a name. A token that names none has the set's only one for its algorithm.
func (s *keySet) named(name keyName) (found any) {
	if name.id != "" {
		return s.keys[name]
	}
	for n, k := range s.keys {
		if n.algorithm != name.algorithm {
			continue
		}
		if found != nil {
			return nil
		}
		found = k
	}
	return found
}

// begin begins a call, unless the set is closed. The caller holds s.mu.
func (s *keySet) begin() {
	if s.ctx.Err() != nil {
		return
	}
	c := &call{began: time.Now(), done: make(chan struct{})}
	s.call, s.asked = c, s.now()
	s.running.Go(func() {
		keys, fresh, err := s.fetch()
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case err == nil:
			s.keys, s.due = keys, s.now().Add(fresh)
		case s.ctx.Err() == nil:
			s.log.Warn("getting the keys of tokens failed", zap.Time("last_until", s.due), zap.Error(err))
		}
		s.wrong, s.call = err, nil
		close(c.done)
	})
}

// fetch calls the issuer.
func (s *keySet) fetch() (keys map[keyName]any, fresh time.Duration, err error) {
	page, err := s.client.Get(s.ctx, s.url, mostSet, "application/jwk-set+json", "application/json", "*/*;q=0.5")
	if err != nil {
		return nil, 0, err
	}
	keys, others, err := parseSet(page.Body)
	if err != nil {
		return nil, 0, fmt.Errorf("call %q: %w", page.URL.Hostname(), err)
	}
	if len(others) > 0 {
		s.log.Debug("some keys of the issuer are not used", zap.Errors("keys", others))
	}
	if len(keys) == 0 {
		s.log.Warn("the issuer has no key for RS256, ES256 or EdDSA", zap.Errors("keys", others))
	}
	return keys, freshness(page.Header), nil
}

// freshness returns for how long an answer is fresh (RFC 9111, section 5.2.2), within bounds.
func freshness(h http.Header) time.Duration {
	fresh := usualFresh
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return leastFresh
		case "max-age":
			if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				fresh = time.Duration(n) * time.Second
			}
		}
	}
	return min(max(fresh, leastFresh), mostFresh)
}
