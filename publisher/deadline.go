package publisher

import "time"

// Deadline gives each write on a connection between Stall and 1.25 times Stall. The deadline is moved only if less than Stall
// is left, because moving it costs more than reading the clock. A Deadline must not be used by two goroutines at once.
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
		_ = d.Set(d.until) // if it can't be set, writing may take long
	}
}
