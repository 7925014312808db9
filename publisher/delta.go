package publisher

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Format is one way to encode an update: a JSON body, an SSE event, a WebSocket frame. A publisher makes one Format for each
// form that it writes, once: formats are compared by their address.
type Format struct {
	Name   string                                       // for metrics, such as "json"
	Append func(dst []byte, u *motacilla.Update) []byte // appends u as it goes on the wire; pure
}

// JSON is the plain JSON body of an update.
var JSON = &Format{Name: "json", Append: func(dst []byte, u *motacilla.Update) []byte { return u.AppendJSON(dst) }}

// Delta carries readers from one revision to another: an update with its encodings. Every reader who goes from the same
// revision to the same revision gets the same Delta, which is encoded once per format, by the first reader who needs it.
// From a cursor that the server does not know, it is a snapshot: its Update is a reset.
type Delta struct {
	*motacilla.Update           // must not be changed
	At                time.Time // when Revision reached this node; of a snapshot or a heartbeat when it was made

	private   bool          // the channel was private at Revision, as far as was known here
	encodings *atomic.Int64 // counts them
	room      *atomic.Int64 // how many bytes of encodings may still be kept; nil keeps all

	mu   sync.Mutex
	made atomic.Pointer[[]encoded] // written under mu, and never changed
}

type encoded struct {
	format *Format
	body   []byte
}

// Private reports whether the channel was private at Revision, as far as was known here.
func (d *Delta) Private() bool { return d.private }

// Encode returns the delta in a format. The bytes are shared and must not be changed.
func (d *Delta) Encode(f *Format) []byte {
	if body := d.encoded(f); body != nil {
		return body
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if body := d.encoded(f); body != nil {
		return body
	}
	body := f.Append(make([]byte, 0, 512), d.Update)
	d.encodings.Add(1)
	if d.room != nil && d.room.Add(-int64(cap(body))) < 0 {
		return body
	}
	made := []encoded{{f, body}}
	if before := d.made.Load(); before != nil {
		made = append(made, *before...)
	}
	d.made.Store(&made)
	return body
}

func (d *Delta) encoded(f *Format) []byte {
	made := d.made.Load()
	if made == nil {
		return nil
	}
	for _, e := range *made {
		if e.format == f {
			return e.body
		}
	}
	return nil
}

// deltas are those that were made from a state, by cursor. Reading takes no lock.
type deltas struct {
	encodings *atomic.Int64 // see Delta
	room      atomic.Int64  // see Delta
	count     atomic.Int64
	last      atomic.Pointer[Delta] // the one that was asked for last, which is nearly always the next one too
	by        sync.Map              // of motacilla.Revision to *Delta
}

const (
	mostDeltas  = 1024     // kept of one state; others are made for each reader anew
	mostEncoded = 16 << 20 // bytes of their encodings
)

func newDeltas(encodings *atomic.Int64) *deltas {
	d := &deltas{encodings: encodings}
	d.room.Store(mostEncoded)
	return d
}

// get returns the delta from cursor. If known is true and there is none, a snapshot is due.
func (ds *deltas) get(cursor motacilla.Revision) (d *Delta, known bool) {
	if d := ds.last.Load(); d != nil && d.From == cursor {
		return d, true
	}
	found, known := ds.by.Load(cursor)
	if !known {
		return nil, false
	}
	if d = found.(*Delta); d != nil {
		ds.last.Store(d)
	}
	return d, true
}

// mark notes that a snapshot is due from cursor.
func (ds *deltas) mark(cursor motacilla.Revision) { ds.put(cursor, nil) }

// put makes d the delta from cursor, and returns it, or the one that another reader has put there first.
func (ds *deltas) put(cursor motacilla.Revision, d *Delta) *Delta {
	if ds.count.Load() >= mostDeltas {
		return d
	}
	first, loaded := ds.by.LoadOrStore(cursor, d)
	if !loaded {
		ds.count.Add(1)
	}
	if d = first.(*Delta); d != nil {
		ds.last.Store(d)
	}
	return d
}
