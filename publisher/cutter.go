package publisher

import (
	"sync"
	"sync/atomic"
	"time"
)

// Cutter bounds the writes of an answer over HTTP/2. There, unlike over HTTP/1.1, a deadline of net/http resets the stream when
// it is reached, even if nothing is being written. So an answer that waits between its writes must not have one.
//
// Begin and End must be called around each write, by one goroutine. Cut may be called by any goroutine. After Retire, which
// must be called before the handler returns, the answer is not touched any more.
type Cutter struct {
	set   func(time.Time) error
	stall time.Duration
	base  time.Time

	began atomic.Int64 // when the write that is under way began, in ns after base; 0 if nothing is being written
	armed atomic.Bool  // late will call check
	late  *time.Timer

	mu      sync.Mutex
	retired bool
}

// NewCutter returns a Cutter that breaks off a write that takes longer than stall. set is SetWriteDeadline of the answer's
// [http.ResponseController].
func NewCutter(set func(time.Time) error, stall time.Duration) *Cutter {
	return &Cutter{set: set, stall: stall, base: time.Now()}
}

// Begin is called before a write. It reads the clock. The timer is not moved for each write, because that costs more.
func (c *Cutter) Begin() {
	c.began.Store(c.now())
	if c.armed.CompareAndSwap(false, true) {
		c.arm(c.stall)
	}
}

// End is called after a write.
func (c *Cutter) End() { c.began.Store(0) }

// now is never 0.
func (c *Cutter) now() int64 { return int64(time.Since(c.base)) + 1 }

func (c *Cutter) arm(wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.retired:
	case c.late == nil:
		c.late = time.AfterFunc(wait, c.check)
	default:
		c.late.Reset(wait)
	}
}

// check cuts if a write has taken too long. Otherwise it looks again when the write that is under way will have, if there is one.
func (c *Cutter) check() {
	began := c.began.Load()
	if began == 0 {
		c.armed.Store(false)
		began = c.began.Load() // a write that has begun meanwhile may have found the timer armed
		if began == 0 || !c.armed.CompareAndSwap(false, true) {
			return
		}
	}
	if left := time.Duration(began-c.now()) + c.stall; left > 0 {
		c.arm(left)
		return
	}
	c.Cut()
}

// Cut breaks off the write that is under way, and all later ones.
func (c *Cutter) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.retired {
		_ = c.set(time.Now())
	}
}

// Retire is called before the handler returns.
func (c *Cutter) Retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	if c.late != nil {
		c.late.Stop()
	}
}
