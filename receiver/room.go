package receiver

import "sync/atomic"

// Room bounds the memory for the bodies of large deliveries, of all receivers together. Anybody may send a body to a webhook, and
// some bodies must be read before their signature can be checked. A delivery of at most 64 KiB needs no room, so large ones do not
// keep it out. nil is a Room without a bound.
type Room struct{ left atomic.Int64 }

// withoutRoom is how long a body may be that needs no room, in bytes.
const withoutRoom = 64 << 10

// NewRoom returns a Room for so many bytes.
func NewRoom(bytes int64) *Room {
	r := &Room{}
	r.left.Store(bytes)
	return r
}

// take reports whether there were n bytes, and takes them then.
func (r *Room) take(n int64) bool {
	if r == nil {
		return true
	}
	if r.left.Add(-n) < 0 {
		r.left.Add(n)
		return false
	}
	return true
}

func (r *Room) giveBack(n int64) {
	if r != nil {
		r.left.Add(n)
	}
}
