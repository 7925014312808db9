package publisher

import "time"

// Deadline gives the writes on a connection their time, Stall at least and a quarter more at most. It is moved only
// when less is left, for moving it costs more than looking at the clock. It is for one goroutine.
type Deadline struct {
	Set   func(time.Time) error // the connection's SetWriteDeadline
	Stall time.Duration

	until time.Time
}

// Extend is called before each write.
func (d *Deadline) Extend() {
	now := time.Now()
	if d.until.Sub(now) < d.Stall {
		d.until = now.Add(d.Stall + d.Stall/4)
		_ = d.Set(d.until) // where it can't be set, writing may take long
	}
}
