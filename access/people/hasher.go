package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/text/unicode/norm"
)

// hasher hashes passwords, as many at a time as there are CPUs. A hash takes 19 MB, and a flood must not take all memory.
type hasher struct {
	cost  cost
	dummy string // a hash of no password: what is checked for accounts that have none
	slots chan struct{}
	most  int64        // that are hashed or wait
	in    atomic.Int64 // that are hashed or wait
	count atomic.Int64 // hashes so far
}

// waitingEach is how many wait for each CPU at most. A hash takes 30 to 70 ms.
const waitingEach = 16

func newHasher(c cost) *hasher {
	cpus := runtime.GOMAXPROCS(0)
	h := &hasher{cost: c, slots: make(chan struct{}, cpus), most: int64(cpus * (1 + waitingEach))}
	salt, key := make([]byte, saltSize), make([]byte, keySize)
	_, _ = rand.Read(salt) // it never fails
	_, _ = rand.Read(key)
	h.dummy = c.format(salt, key)
	return h
}

// hash returns the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (phc string, err error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // it never fails
	err = h.do(ctx, func() { phc = h.cost.format(salt, h.cost.key(norm.NFKC.String(password), salt, keySize)) })
	return phc, err
}

// check reports whether phc is of the password, and whether it is stale: it costs less or more than hashes do now. It takes as
// long for an account without a password, whose phc is empty.
func (h *hasher) check(ctx context.Context, phc, password string) (ok, stale bool, err error) {
	none := phc == ""
	if none {
		phc = h.dummy
	}
	c, salt, key, err := parsePHC(phc)
	if err != nil {
		return false, false, fmt.Errorf("read the hash of a password: %w", err)
	}
	err = h.do(ctx, func() {
		ok = subtle.ConstantTimeCompare(key, c.key(norm.NFKC.String(password), salt, len(key))) == 1
	})
	return ok && !none && err == nil, c != h.cost || len(key) != keySize, err
}

// do calls f when it is its turn. ErrOverloaded: too many wait.
func (h *hasher) do(ctx context.Context, f func()) error {
	if h.in.Add(1) > h.most {
		h.in.Add(-1)
		return &motacilla.RetryError{
			Err:   fmt.Errorf("%w: too many passwords are checked at the moment", motacilla.ErrOverloaded),
			After: 2*time.Second + mathrand.N(4*time.Second),
		}
	}
	defer h.in.Add(-1)
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", motacilla.ErrUnavailable, ctx.Err())
	}
	defer func() { <-h.slots }()
	h.count.Add(1)
	f()
	return nil
}
