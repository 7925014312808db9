package publisher

import "time"

// Wire is all in which one streaming transport differs from another: how things look on its connections. Its functions
// are called by many goroutines at once, and never block.
type Wire struct {
	Name   string  // the publisher's, in metrics
	Format *Format // an update
	Idle   *Format // a heartbeat, which is an update with nothing inside; nil means Format

	// Farewell returns the last bytes on a connection; nil means none.
	Farewell func(why End) []byte
	// Linger is how long the peer is given to close the connection after the farewell; 0 closes it at once.
	Linger time.Duration
	// Lifetime is how long a connection lives at least; it ends up to a quarter later. 0 is for ever.
	Lifetime time.Duration
	// Input takes what a reader sent, in order, with the state that belongs to its connection, and returns what to
	// answer, if anything; where end is true this is the farewell. in is valid during the call. nil means that what
	// readers send is thrown away.
	Input func(state any, in []byte) (answer []byte, end bool)
}

func (w *Wire) farewell(why End) []byte {
	if w.Farewell == nil {
		return nil
	}
	return w.Farewell(why)
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
