package route

import (
	"hash/maphash"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/time/rate"
)

// RateLimitOptions are the settings of [RateLimit]; nil and zero fields mean the defaults.
type RateLimitOptions struct {
	// Burst is how many requests may come at once after a pause; five seconds' worth, and at least 20, for a page brings
	// its assets with it.
	Burst int
	// Addresses is how many of them are told apart at a time; 65,536, some 8 MB when all are taken.
	Addresses int
	// Address is where a request comes from; nil means RemoteAddr's. Where it can't be told, the request is let through.
	Address func(*http.Request) netip.Addr
	// Refuse answers what is refused, with a [motacilla.RetryError] that is an ErrTooMany; nil means [WriteError].
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
}

// RateLimit lets each address, an IPv6 address by its /64, ask so often and no more.
//
// Its memory is bounded: an address that has not asked for as long as its burst takes to fill again is forgotten, which
// changes nothing for it. When more addresses ask than are told apart, those that come last share the limits of a fixed
// number of buckets, one for each IPv4 /16 and IPv6 /32 or a few of them: who has many addresses crowds out his own
// neighbours, and does not get as many limits as addresses.
type RateLimit struct {
	limit   rate.Limit
	burst   int
	most    int // addresses in both generations
	refill  time.Duration
	address func(*http.Request) netip.Addr
	refuse  func(w http.ResponseWriter, r *http.Request, err error)
	now     func() time.Time

	mu     sync.Mutex
	turned time.Time // when recent was begun
	recent map[Network]*rate.Limiter
	older  map[Network]*rate.Limiter // of the generation before
	shared [sharedBuckets]*rate.Limiter
	seed   maphash.Seed

	refusedAddress, refusedShared atomic.Int64
}

const (
	sharedBuckets = 512

	// Who is refused waits until there is a token, and up to so much longer.
	rateJitter = 4 * time.Second
)

// NewRateLimit returns a limit of so many requests per second.
func NewRateLimit(perSecond int, o *RateLimitOptions) *RateLimit {
	var d RateLimitOptions
	if o != nil {
		d = *o
	}
	perSecond = max(perSecond, 1)
	if d.Burst <= 0 {
		d.Burst = max(5*perSecond, 20)
	}
	if d.Addresses <= 0 {
		d.Addresses = 1 << 16
	}
	if d.Address == nil {
		d.Address = Proxies(nil).ClientAddr
	}
	if d.Refuse == nil {
		d.Refuse = WriteError
	}
	return &RateLimit{
		limit: rate.Limit(perSecond), burst: d.Burst, most: d.Addresses,
		refill:  time.Duration(d.Burst) * time.Second / time.Duration(perSecond),
		address: d.Address, refuse: d.Refuse, now: time.Now, seed: maphash.MakeSeed(),
	}
}

// Handler returns h behind the limit.
func (l *RateLimit) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := NetworkOf(l.address(r))
		if n == 0 {
			h.ServeHTTP(w, r)
			return
		}
		if err := l.allow(n); err != nil {
			l.refuse(w, r, err)
			return
		}
		// Who is refused there comes through here, and is told.
		again := OnRepeat(r, func() bool {
			now := l.now()
			limiter, _ := l.of(n, now)
			return limiter.AllowN(now, 1)
		})
		defer func() { r.Pattern = again.Pattern }() // as if h had had r itself
		h.ServeHTTP(w, again)
	})
}

// Allow counts the request, and returns an ErrTooMany, as a [motacilla.RetryError], where it is one too many.
func (l *RateLimit) Allow(r *http.Request) error {
	n := NetworkOf(l.address(r))
	if n == 0 {
		return nil
	}
	return l.allow(n)
}

func (l *RateLimit) allow(n Network) error {
	now := l.now()
	limiter, own := l.of(n, now)
	if limiter.AllowN(now, 1) {
		return nil
	}
	if own {
		l.refusedAddress.Add(1)
	} else {
		l.refusedShared.Add(1)
	}
	wait := time.Duration((1 - limiter.TokensAt(now)) / float64(l.limit) * float64(time.Second))
	return &motacilla.RetryError{Err: motacilla.ErrTooMany, After: max(wait, 0) + rand.N(rateJitter)}
}

// Refused returns how many requests were refused by the limit of their own address, and by one that they shared.
func (l *RateLimit) Refused() (address, shared int64) {
	return l.refusedAddress.Load(), l.refusedShared.Load()
}

// of returns the limiter that counts for n, and whether it is n's own. One that has not been asked for a whole
// generation is full, as a new one is, and goes.
func (l *RateLimit) of(n Network, now time.Time) (limiter *rate.Limiter, own bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.turned); age >= l.refill {
		l.older, l.recent, l.turned = l.recent, make(map[Network]*rate.Limiter), now
		if age >= 2*l.refill {
			l.older = nil
		}
	}
	if limiter = l.recent[n]; limiter != nil {
		return limiter, true
	}
	if limiter = l.older[n]; limiter != nil {
		delete(l.older, n)
	} else if len(l.recent)+len(l.older) >= l.most {
		return l.bucket(n), false
	} else {
		limiter = rate.NewLimiter(l.limit, l.burst)
	}
	l.recent[n] = limiter
	return limiter, true
}

func (l *RateLimit) bucket(n Network) *rate.Limiter {
	i := maphash.Comparable(l.seed, n.wide()) % sharedBuckets
	if l.shared[i] == nil {
		l.shared[i] = rate.NewLimiter(l.limit, l.burst)
	}
	return l.shared[i]
}
