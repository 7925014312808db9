package media

import (
	"sync"
	"time"
)

// maxKnown is how many images a node remembers.
const maxKnown = 4096

// known remembers images for a short time, so that readers do not ask the store for each file.
type known struct {
	ttl time.Duration

	mu     sync.Mutex
	images map[string]seen
}

// seen is an image with the time of its reading. The entry is not changed.
type seen struct {
	entry *entry
	at    time.Time
}

func newKnown(ttl time.Duration) *known { return &known{ttl: ttl, images: map[string]seen{}} }

// get returns an image that was read not longer than the TTL ago, or nil.
func (k *known) get(id string) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.images[id]
	if !ok || time.Since(s.at) > k.ttl {
		return nil
	}
	return s.entry
}

// put remembers an image that was read just now.
func (k *known) put(e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.images) >= maxKnown {
		for id := range k.images { // any will do
			delete(k.images, id)
			break
		}
	}
	k.images[e.key] = seen{e, time.Now()}
}

func (k *known) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.images, id)
}
