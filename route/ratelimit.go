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

// RateLimitOptions are the settings of [RateLimit]. nil and zero fields mean the defaults.
type RateLimitOptions struct {
	// Every is the time between requests, for a limit of less than one per second. Then NewRateLimit's perSecond does not count. 0
	// means that it does.
	Every time.Duration
	// Burst is how many requests may come at once after a pause. The default is five seconds' worth, and at least 20,
	// since a browser asks for a page and its assets at once.
	Burst int
	// Addresses is how many addresses have a limit of their own at a time. The default is 65,536, about 8 MB if all are
	// taken.
	Addresses int
	// Address returns the address that a request comes from. nil means RemoteAddr. A request whose address is unknown is
	// not limited.
	Address func(*http.Request) netip.Addr
	// Free reports whether a request is not counted. Its repeats are, see [OnRepeat]. nil means that all requests are counted.
	Free func(*http.Request) bool
	// Refuse answers a refused request. Its error is a [motacilla.RetryError] that is an ErrTooMany. nil means
	// [WriteError].
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
}

// RateLimit limits the requests per second of each address. IPv6 addresses of one /64 count as one.
//
// Its memory is bounded. An address that makes no request until it has its whole burst again is forgotten. This changes
// nothing for it. If more addresses make requests than [RateLimitOptions].Addresses, the latest ones share a fixed number
// of limits: all addresses of an IPv4 /16 or IPv6 /32 have the same one. So a client with many addresses does not get many
// limits, and takes requests only from those that share its limit.
type RateLimit struct {
	limit   rate.Limit
	burst   int
	most    int // addresses with a limit of their own, in both generations
	refill  time.Duration
	address func(*http.Request) netip.Addr
	free    func(*http.Request) bool
	refuse  func(w http.ResponseWriter, r *http.Request, err error)
	now     func() time.Time

	mu     sync.Mutex
	turned time.Time                 // when the newest generation began
	recent map[Network]*rate.Limiter // the newest generation
	older  map[Network]*rate.Limiter // the generation before
	shared [sharedBuckets]*rate.Limiter
	seed   maphash.Seed

	refusedAddress, refusedShared atomic.Int64
}

const (
	sharedBuckets = 512

	// A refused client is told to wait until it may ask again, and up to so much longer.
	rateJitter = 4 * time.Second
)

// NewRateLimit returns a limit of perSecond requests per second for each address. perSecond below 1 counts as 1.
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
	if d.Free == nil {
		d.Free = func(*http.Request) bool { return false }
	}
	if d.Refuse == nil {
		d.Refuse = WriteError
	}
	limit, refill := rate.Limit(perSecond), time.Duration(d.Burst)*time.Second/time.Duration(perSecond)
	if d.Every > 0 {
		limit, refill = rate.Every(d.Every), time.Duration(d.Burst)*d.Every
	}
	return &RateLimit{
		limit: limit, burst: d.Burst, most: d.Addresses, refill: refill,
		address: d.Address, free: d.Free, refuse: d.Refuse, now: time.Now, seed: maphash.MakeSeed(),
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
		if !l.free(r) {
			if err := l.allow(n); err != nil {
				l.refuse(w, r, err)
				return
			}
		}
		// A repeat that is refused passes through this handler, which answers it.
		again := OnRepeat(r, func() bool {
			now := l.now()
			limiter, _ := l.of(n, now)
			return limiter.AllowN(now, 1)
		})
		defer func() { r.Pattern = again.Pattern }() // the caller looks for the pattern in r
		h.ServeHTTP(w, again)
	})
}

// Allow counts the request. If it is over the limit, the error is a [motacilla.RetryError] that is an ErrTooMany.
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

// Refused returns how many requests were refused by their address's own limit, and by a shared one.
func (l *RateLimit) Refused() (address, shared int64) {
	return l.refusedAddress.Load(), l.refusedShared.Load()
}

// of returns the limiter for n, and whether it is n's own. A limiter that was not used for a whole generation is full,
// like a new one, and is dropped.
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
