package access

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla/route"
)

// remember is how long this node remembers what a credential is. What is revoked is forgotten at once.
const remember = time.Minute

// rememberWrong is how long it remembers that a credential is not known: it may become known, as when an account is enabled again.
const rememberWrong = 5 * time.Second

// mostRemembered is how many credentials are remembered in each generation.
const mostRemembered = 50_000

// cache remembers whom credentials are of, so that a poll does not read the store. It has two generations, so that its memory is
// bounded and nothing has to look for what is old.
type cache struct {
	mu            sync.Mutex
	turned        time.Time
	recent, older map[[sha256.Size]byte]found
}

// found is what was found of a credential.
type found struct {
	subject *Subject
	err     error // ErrUnauthorized
	until   time.Time
}

func (c *cache) get(key [sha256.Size]byte, now time.Time) (f found, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok = c.recent[key]; !ok {
		f, ok = c.older[key]
	}
	return f, ok && now.Before(f.until)
}

// put remembers f.
func (c *cache) put(key [sha256.Size]byte, f found, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recent == nil || now.Sub(c.turned) >= remember || len(c.recent) >= mostRemembered {
		c.older, c.recent, c.turned = c.recent, make(map[[sha256.Size]byte]found), now
	}
	c.recent[key] = f
}

// drop forgets those whose holders are gone.
func (c *cache) drop(gone func(*route.Holder) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, generation := range []map[[sha256.Size]byte]found{c.recent, c.older} {
		for key, f := range generation {
			if f.subject != nil && f.subject.Holder != nil && gone(f.subject.Holder) {
				delete(generation, key)
			}
		}
	}
}
