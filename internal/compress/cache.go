package compress

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// Cache remembers bodies that were compressed, by what they are. Those that were not asked for lately are forgotten. Its methods
// may be called from many goroutines at once.
type Cache struct {
	Most int // bytes of bodies that are kept

	mu     sync.Mutex
	held   int
	recent list.List // of *cached, the last one asked for first
	by     map[cacheKey]*list.Element
}

type cacheKey struct {
	coding Coding
	sum    [sha256.Size]byte
}

type cached struct {
	key  cacheKey
	size int
	once sync.Once
	body []byte
}

// overhead is what an entry takes besides its body, in bytes, about.
const overhead = 256

// Body returns [Body] of body. Callers that ask for the same at the same time share one compression.
func (c *Cache) Body(coding Coding, body []byte, e Effort) []byte {
	if !fits(body, e) {
		return nil
	}
	entry := c.entry(cacheKey{coding, sha256.Sum256(body)})
	entry.once.Do(func() {
		entry.body = Body(coding, body, e)
		c.keep(entry)
	})
	return entry.body
}

// entry returns the entry of a key, which is made if there is none.
func (c *Cache) entry(key cacheKey) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.by[key]; e != nil {
		c.recent.MoveToFront(e)
		return e.Value.(*cached)
	}
	if c.by == nil {
		c.by = make(map[cacheKey]*list.Element)
	}
	entry := &cached{key: key, size: overhead}
	c.by[key] = c.recent.PushFront(entry)
	c.held += entry.size
	return entry
}

// keep counts the body of an entry, and forgets others until there is room.
func (c *Cache) keep(entry *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.by[entry.key]; e == nil || e.Value != entry { // forgotten meanwhile
		return
	}
	entry.size += len(entry.body)
	c.held += len(entry.body)
	for c.held > c.Most {
		last := c.recent.Back()
		old := c.recent.Remove(last).(*cached)
		delete(c.by, old.key)
		c.held -= old.size
	}
}
