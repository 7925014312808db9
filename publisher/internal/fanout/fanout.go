// Package fanout writes frames to many sockets at the cost of the system call: a reader is a cursor on a topic, with no
// goroutine, no queue and no buffer of its own. A shard per core holds readers; when a topic moves, each shard goes
// through its readers and writes to every socket that takes something. One that does not is left alone until it does,
// and then gets what its cursor lacks by then, as one frame.
//
// It knows nothing of channels, updates or protocols: [Frames] says what comes after a cursor, [Protocol] what to make
// of what readers send. Where the system has no epoll, [New] returns ErrUnsupported, and whoever has readers gives each
// a goroutine.
package fanout

import (
	"errors"
	"time"
)

// ErrUnsupported is what New and Join return where the system has no epoll, or the connection no bare socket.
var ErrUnsupported = errors.New("no bare socket to write to")

// ErrClosed is what Join returns once the engine is closed.
var ErrClosed = errors.New("closed")

// Frame is what brings a reader from its cursor on.
type Frame struct {
	Bytes   []byte // shared by all who need it: nobody changes them
	Next    int64  // the reader's cursor after it
	Last    bool   // nothing comes after it: the reader is ended
	Private bool   // not for guarded readers, to whom it is as good as Refused
}

// Verdict is what Frames knows.
type Verdict uint8

// The verdicts.
const (
	Ready   Verdict = iota // the frame is there
	Nothing                // nothing is new
	Later                  // not known yet; Topic.Give or Topic.Wake follows
	Refused                // guarded readers may have no more
)

// Frames is where a topic's frames come from. It is called with a shard's lock held, often, and must neither block nor
// call the topic.
type Frames interface {
	// After returns the frame that follows cursor. guarded is what the reader was joined with.
	After(cursor int64, guarded bool) (Frame, Verdict)
	// Idle returns a heartbeat for a reader at cursor; no bytes for none.
	Idle(cursor int64) []byte
}

// Protocol is what a transport makes of its connections. Its methods are called in the reader's shard, one at a time
// per shard, and must not block.
type Protocol interface {
	// Input takes what the reader sent, in the order in which it came. data is valid during the call.
	Input(r *Reader, data []byte)
	// Due is called when the time has come that Reader.SetDue named.
	Due(r *Reader)
	// Refused is called where Frames refused a guarded reader.
	Refused(r *Reader)
	// Last is called when the last frame of a topic has been written to the reader.
	Last(r *Reader)
	// Closed is called once, when the connection is no longer the engine's.
	Closed(r *Reader, why Reason)
}

// Reason is why a connection is no longer the engine's.
type Reason uint8

// The reasons.
const (
	Left     Reason = iota // the peer closed it, or it broke
	Ended                  // the protocol ended it
	Stalled                // the peer took nothing for too long
	Detached               // it was handed back
)

// Options are the engine's settings; nil and zero fields mean the defaults.
type Options struct {
	Shards int           // one per core
	Stall  time.Duration // a socket that takes nothing for so long is closed; 15 s
	Tick   time.Duration // how often times are looked at; 250 ms
}

func (o *Options) withDefaults(cores int) Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Shards <= 0 {
		d.Shards = cores
	}
	if d.Stall <= 0 {
		d.Stall = 15 * time.Second
	}
	if d.Tick <= 0 {
		d.Tick = 250 * time.Millisecond
	}
	return d
}

// Join is how a reader enters a topic.
type Join struct {
	Cursor  int64
	Hello   []byte    // written before anything else; the engine's from then on
	Once    bool      // gets one frame each time that it asks (Reader.Ask; joining asks), instead of all
	Guarded bool      // see Frames.After
	Due     time.Time // see Protocol.Due; zero for none
	Data    any       // the protocol's own
}
