package access

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/route"
)

// However many credentials are tried, memory is bounded; and what is revoked is forgotten in both generations.
func TestCacheIsBounded(t *testing.T) {
	var c cache
	now := time.Now()
	key := func(n int) (k [sha256.Size]byte) {
		binary.LittleEndian.PutUint64(k[:], uint64(n))
		return k
	}
	holder, _ := route.NewHolder("token/ci", "token/ci", "ci")
	put := func(n int, f found) {
		f.until = now.Add(remember)
		c.put(key(n), f, now)
	}
	put(-1, found{subject: &Subject{Holder: holder}})
	for n := range mostRemembered {
		put(n, found{})
	}
	put(-2, found{subject: &Subject{Holder: holder}})
	for _, n := range []int{-1, -2} {
		if f, ok := c.get(key(n), now); !ok || f.subject.Holder != holder {
			t.Errorf("%d is forgotten", n)
		}
	}
	c.drop(func(h *route.Holder) bool { return h.ID == "token/ci" })
	for _, n := range []int{-1, -2} {
		if _, ok := c.get(key(n), now); ok {
			t.Errorf("%d is remembered after it was revoked", n)
		}
	}
	for n := range 3 * mostRemembered {
		put(n, found{})
	}
	if n := len(c.recent) + len(c.older); n > 2*mostRemembered {
		t.Errorf("%d are remembered", n)
	}
	if _, ok := c.get(key(0), now); ok {
		t.Error("the first of many is remembered")
	}
	if _, ok := c.get(key(3*mostRemembered-1), now.Add(remember)); ok {
		t.Error("it is remembered for more than a minute")
	}
}
