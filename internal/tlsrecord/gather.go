package tlsrecord

import (
	"runtime"
	"time"
)

// gather has the streams of an HTTP/2 connection share writes. net/http writes a frame at once if no other frame waits. So an update
// for twenty streams would be nearly twenty writes: the first stream's write begins before the other streams have run. If writes of
// the connection follow each other, a write first lets other goroutines run. They queue their frames, and the next write carries
// them together. A connection with single writes does not wait.
type gather struct {
	last   time.Time // the end of the last write
	crowds int       // how often writes followed each other lately
}

const (
	follows    = 2 * time.Millisecond // between writes of the same crowd
	mostCrowds = 8
)

// before is called before each write.
func (g *gather) before() {
	if g.crowded(time.Now()) {
		runtime.Gosched()
	}
}

// after is called after each write.
func (g *gather) after() { g.last = time.Now() }

// crowded reports whether more writes will probably follow the one that begins now.
func (g *gather) crowded(now time.Time) bool {
	if now.Sub(g.last) < follows {
		g.crowds = min(g.crowds+1, mostCrowds)
	} else {
		g.crowds = max(g.crowds-1, 0)
	}
	return g.crowds > 0
}
