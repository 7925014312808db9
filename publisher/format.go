package publisher

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Format is one way to put an update on a wire: a JSON body, an SSE event, a WebSocket frame. A publisher has one for
// each form it writes, makes it once, and compares it by its address.
type Format struct {
	Name   string                                       // for metrics, such as "json"
	Append func(dst []byte, u *motacilla.Update) []byte // appends u as it goes on the wire; pure
}

// JSON is the plain JSON body of an update.
var JSON = &Format{Name: "json", Append: func(dst []byte, u *motacilla.Update) []byte { return u.AppendJSON(dst) }}

// Step is an update with its encodings. One step serves everyone who goes from the same revision to the same
// revision: it is encoded once per format, by whoever comes first.
type Step struct {
	*motacilla.Update           // read only
	At                time.Time // when the step's head reached this node; of a reset or heartbeat when it was made

	feed    *Feed
	private bool // the channel was private at the step's revision, as far as was known here
	mu      sync.Mutex
	made    atomic.Pointer[[]encoded] // written under mu, and never changed
}

type encoded struct {
	format *Format
	body   []byte
}

// Encode returns the step in a format. The bytes are shared: nobody changes them.
func (s *Step) Encode(f *Format) []byte {
	if body := s.encoded(f); body != nil {
		return body
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if body := s.encoded(f); body != nil {
		return body
	}
	body := f.Append(make([]byte, 0, 512), s.Update)
	made := []encoded{{f, body}}
	if before := s.made.Load(); before != nil {
		made = append(made, *before...)
	}
	s.made.Store(&made)
	s.feed.counters.encodings.Add(1)
	return body
}

func (s *Step) encoded(f *Format) []byte {
	made := s.made.Load()
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
