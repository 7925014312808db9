package publisher

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Delivery is the first time that something new was written to a reader of a publisher on this node.
type Delivery struct {
	Channel   motacilla.ChannelID
	Publisher string
	Since     motacilla.Revision // the reader has got what came after Since
	Revision  motacilla.Revision // up to Revision
	At        time.Time          // when it was written
}

// tallies note when the readers of a channel by one publisher get its updates. Each head that is delivered has a tally, until
// no reader has got it for settleAfter. A reader that gets several heads at once counts for all of them. Only the first write of
// a head takes a lock.
type tallies struct {
	channel   *channel
	publisher string
	stats     *Stats

	newest atomic.Pointer[tally]
	mu     sync.Mutex // held while a tally is added, and while tallies are settled
	armed  bool       // a timer will settle
}

// tally is of one head.
type tally struct {
	head    motacilla.Revision
	written time.Time    // when the oldest change in it was written, by its revision
	last    atomic.Int64 // when it was written to a reader last; Unix nanoseconds by the feed's clock
	older   atomic.Pointer[tally]
	settled bool // guarded by tallies.mu
}

// settleAfter is how long nobody must have got an update until its last delivery is counted. Passes over many readers take
// turns, so a pass may rest for a while.
const settleAfter = 5 * time.Second

// tally returns the tallies of a publisher, by its name.
func (c *channel) tally(publisher string) *tallies {
	if ts, there := c.tallies.Load(publisher); there {
		return ts.(*tallies)
	}
	ts, _ := c.tallies.LoadOrStore(publisher, &tallies{channel: c, publisher: publisher, stats: c.feed.metrics.Of(publisher)})
	return ts.(*tallies)
}

// wrote notes that a reader, or several of them, got what is after from, up to head. It must have been written because it was
// new, and not because a reader has come or has caught up.
func (ts *tallies) wrote(from, head motacilla.Revision) {
	now := ts.channel.feed.options.Clock.Now()
	newest := ts.newest.Load()
	if newest == nil || newest.head < head {
		newest = ts.add(from, head, now)
	}
	for t := newest; t != nil && t.head > from; t = t.older.Load() {
		if t.head <= head {
			t.mark(now)
		}
	}
}

func (t *tally) mark(now time.Time) {
	at := now.UnixNano()
	for last := t.last.Load(); last < at && !t.last.CompareAndSwap(last, at); last = t.last.Load() {
	}
}

// add begins the tally of a head, unless another reader has, and returns the newest tally.
func (ts *tallies) add(from, head motacilla.Revision, now time.Time) *tally {
	ts.mu.Lock()
	newest := ts.newest.Load()
	if newest != nil {
		if newest.head >= head {
			ts.mu.Unlock()
			return newest
		}
		from = max(from, newest.head)
	}
	t := &tally{head: head, written: ts.channel.state().firstAfter(from, head).Time()}
	t.last.Store(now.UnixNano())
	t.older.Store(newest)
	ts.newest.Store(t)
	if !ts.armed {
		ts.armed = true
		time.AfterFunc(settleAfter, ts.settle)
	}
	ts.mu.Unlock()
	ts.stats.First.Observe(now.Sub(t.written))
	if told := ts.channel.feed.options.Delivered; told != nil {
		told(Delivery{Channel: ts.channel.id, Publisher: ts.publisher, Since: from, Revision: head, At: now})
	}
	return t
}

// settle counts the last delivery of the heads that nobody has got for settleAfter. The newest tally stays: whoever gets its
// head later has come late.
func (ts *tallies) settle() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := ts.channel.feed.options.Clock.Now()
	ts.armed = false
	var newer *tally
	for t := ts.newest.Load(); t != nil; t = t.older.Load() {
		last := time.Unix(0, t.last.Load())
		if over := t.settled || now.Sub(last) >= settleAfter; !over {
			ts.armed = true
		} else if !t.settled {
			t.settled = true
			ts.stats.Last.Observe(last.Sub(t.written))
		}
		if t.settled && newer != nil {
			newer.older.Store(t.older.Load())
			continue
		}
		newer = t
	}
	if ts.armed {
		time.AfterFunc(settleAfter, ts.settle)
	}
}

// firstAfter returns the oldest revision after from that is known, up to head; head if there is none.
func (s *state) firstAfter(from, head motacilla.Revision) motacilla.Revision {
	i, _ := slices.BinarySearch(s.log.issued, from+1)
	if i < len(s.log.issued) {
		return min(s.log.issued[i], head)
	}
	return head
}

// Answered tells that a held request, which began at asked, was answered with d. If d is newer than the request, the time of
// the delivery counts. [Streams] and [Polls] tell that themselves.
func (f *Feed) Answered(publisher string, asked time.Time, d *Delta) {
	if d.Heartbeat() || d.Gone || d.At.Before(asked) {
		return
	}
	if c := f.channels.of(d.Channel); c != nil && c.state() != nil {
		c.tally(publisher).wrote(d.From, d.Revision)
	}
}
