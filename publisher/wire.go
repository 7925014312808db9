package publisher

import (
	"math/rand/v2"
	"time"
)

// Wire holds what differs between streaming transports: framing, heartbeat and close message. Its functions are called from many
// goroutines at once, and must not block.
type Wire struct {
	Name   string  // the publisher's, in metrics
	Form   string  // names this form among those of the transport, also to other releases; see [Streams.TakeOver]
	Format *Format // an update
	Idle   *Format // a heartbeat, which is an update with nothing inside; nil means Format
	// Private is an update of a private channel; nil means Format. If Format compresses, Private must not: what is secret must not be
	// compressed together with what somebody else may have chosen.
	Private *Format

	// CloseMessage returns the last bytes on a connection; nil means none.
	CloseMessage func(why End) []byte
	// Linger is how long the peer is given to close the connection after the close message; 0 closes it at once.
	Linger time.Duration
	// Lifetime is how long a connection lives at least; it ends up to a quarter later. 0 is no limit.
	Lifetime time.Duration
	// Input takes what a reader sent, in order, with the state that belongs to its connection, and returns what to answer, if
	// anything. If end is true, the answer is the close message. in is valid during the call. If Input is nil, what readers send
	// is thrown away.
	Input func(state any, in []byte) (answer []byte, end bool)
	// Save returns the state that belongs to a connection, for another process, where Restore makes it a state again. Both are nil if
	// there is none. Another release may have written what Restore gets.
	Save    func(state any) []byte
	Restore func(saved []byte) (state any, err error)
}

// Encode returns d in the format that it has in this form. The bytes are shared and must not be changed.
func (w *Wire) Encode(d *Delta) []byte {
	if w.Private != nil && d.private {
		return d.Encode(w.Private)
	}
	return d.Encode(w.Format)
}

func (w *Wire) closeMessage(why End) []byte {
	if w.CloseMessage == nil {
		return nil
	}
	return w.CloseMessage(why)
}

// end returns when a connection that begins now has to end; zero is never.
func (w *Wire) end() time.Time {
	if w.Lifetime <= 0 {
		return time.Time{}
	}
	return time.Now().Add(w.Lifetime + rand.N(w.Lifetime/4+1))
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (w *Wire) idle() *Format {
	if w.Idle != nil {
		return w.Idle
	}
	return w.Format
}

// End is why a stream ends.
type End uint8

// The reasons.
const (
	EndLeft      End = iota // the reader is gone
	EndDrain                // the server stops; the reader is to come back, here or elsewhere
	EndLifetime             // its time is up; it is to come back
	EndGone                 // the channel has been deleted, and the reader was told
	EndForbidden            // it may read no more
)
