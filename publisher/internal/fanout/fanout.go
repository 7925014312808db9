// Package fanout is the epoll engine: it writes frames to many sockets, and costs little more than the system calls. A
// reader is a connection with a cursor on a topic, or on several. It has no goroutine, no queue and no buffer of its own.
//
// Readers are spread over shards, one per core. When a topic moves, each shard makes a pass over the topic's readers, and
// writes to every socket that has room. A reader whose socket is full is left alone until there is room again. Then it
// gets what its cursor lacks by that time, as one frame.
//
// The package does not know what channels, updates or protocols are. A [Table] has what follows a cursor. [Protocol]
// handles what readers send. On systems without epoll [New] returns ErrUnsupported, and each reader needs a goroutine.
package fanout

import (
	"errors"
	"time"
)

// ErrUnsupported means that the system has no epoll, or that a connection is not a plain socket.
var ErrUnsupported = errors.New("the epoll engine needs Linux and a plain socket")

// ErrClosed means that the engine is closed.
var ErrClosed = errors.New("the epoll engine is closed")

// Frame carries a reader from its cursor to Next.
type Frame struct {
	Bytes   []byte // shared by all readers that need it; must not be changed
	Next    int64  // the reader's cursor after it
	Last    bool   // nothing follows it, and the reader is closed
	Private bool   // guarded readers must not get it; for them it counts as Refused
}

// Verdict says whether there is a frame.
type Verdict uint8

// The verdicts.
const (
	Ready   Verdict = iota // there is a frame
	Nothing                // nothing is new
	Later                  // the table does not know; see Topic.Missed
	Refused                // guarded readers must not get any more
)

// Table has a topic's frames at one moment. Its methods are called often, with a shard's lock held. They must not block, and
// must not call the topic.
type Table interface {
	// After returns the frame that follows cursor. guarded is that of Join.
	After(cursor int64, guarded bool) (Frame, Verdict)
	// Wrote is called after some readers were written to in a pass. They had cursors from from on, and have cursors up to to.
	Wrote(from, to int64)
	// Idle returns a heartbeat for a reader at cursor. It may be empty; then none is written.
	Idle(cursor int64) []byte
}

// Protocol handles a topic's connections. Its methods are called in the reader's shard, one at a time in each shard. They
// must not block.
type Protocol interface {
	// Joined is called when a reader has entered its topic and Join.Hello was written.
	Joined(r *Reader)
	// Input gets what the reader sent, in order. data is valid during the call only.
	Input(r *Reader, data []byte)
	// Due is called at the time that Join.Due or Reader.SetDue set, at most a tick late.
	Due(r *Reader)
	// Refused is called when the Table refuses a guarded reader.
	Refused(p *Place)
	// Last is called when a topic's last frame has been written to the reader.
	Last(p *Place)
	// Closed is called once for each reader, when the engine is done with its connection.
	Closed(r *Reader, why Reason)
}

// Reason is why the engine is done with a connection.
type Reason uint8

// The reasons.
const (
	Left     Reason = iota // the peer closed it, or it broke
	Ended                  // the protocol or Engine.Close ended it
	Stalled                // the peer took nothing for too long
	Detached               // Reader.Detach handed it back, or Reader.HandOver
)

// Options are the settings of an engine. nil and zero fields mean the defaults.
type Options struct {
	Shards int // one per core

	// Stall is how long a peer may take nothing of what there is for it. Then its connection is closed, at most half
	// as long and a tick late. The default is 15 s.
	Stall time.Duration

	Tick time.Duration // how often times are checked; 250 ms
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

// Join says how a reader enters a topic.
type Join struct {
	Cursor  int64
	Hello   []byte    // written before everything else; must not be changed after Join
	Once    bool      // the reader gets one frame each time it asks (joining asks, and so does Reader.Ask), instead of all
	Guarded bool      // see Table.After
	Due     time.Time // see Protocol.Due; zero is never
	Data    any       // the protocol's own
}

// Handed is a reader on its way to the engine of another process: all of it but the socket and what belongs to the protocol.
type Handed struct {
	Cursor  int64     `json:"cursor"`
	Guarded bool      `json:"guarded,omitempty"`
	Due     time.Time `json:"due,omitzero"`

	// Since when the peer has taken nothing, and how much there was for it then, see waits.
	Since  time.Time `json:"since,omitzero"`
	Queued int64     `json:"queued,omitempty"`

	// Session is the state of TLS, empty without TLS. It has the connection's keys.
	Session []byte `json:"session,omitempty"`

	// What the socket has still to take, in this order, see backlog.
	Full    bool   `json:"full,omitempty"`
	Record  []byte `json:"record,omitempty"`
	Rest    []byte `json:"rest,omitempty"`
	Control []byte `json:"control,omitempty"`
}
