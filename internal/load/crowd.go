//go:build linux

package load

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Crowd is a client whose readers behave like browsers. A reader whose connection ends waits as long as the server said,
// with jitter, and comes back with its cursor. Each reader knows which revision of which post it holds, so that its state
// can be compared with the store. A crowd is stricter than a browser: an update must begin where the last one ended. Only
// one goroutine may use it.
type Crowd struct {
	client  *Client
	readers []crowdReader
	frames  map[string]*decoded      // decoded frames, which all readers share
	posts   map[motacilla.PostID]int // indexes in what a reader holds
	away    []int                    // readers that will come back
	ticked  time.Time
	asking  []byte

	measure bool
	hurried bool
	lags    []time.Duration

	CrowdReport
}

// CrowdReport counts what happened. All but Ends, Returns, Paused and Faults must be zero.
type CrowdReport struct {
	Gaps      int // updates that begin after the revision of the reader
	Doubled   int // updates, or parts of them, that the reader has already
	Resets    int // resets of readers that came back with a cursor or had not asked
	Malformed int

	Ends    []time.Time    // when connections ended
	Returns int            // connections of readers that came back
	Paused  time.Duration  // the longest time in which the crowd did not read; long on a machine that stalls
	Faults  map[string]int // why connections ended or could not be made
}

type crowdReader struct {
	held   []motacilla.Revision // of each post; 0 if it is not held
	cursor motacilla.Revision
	asked  bool          // the next update is the first after a request
	retry  time.Duration // how long to wait before coming back; 0 if the server did not say
	due    time.Time     // when to come back, or to read the next kilobyte
}

// decoded is a decoded update.
type decoded struct {
	from, revision motacilla.Revision
	reset          bool
	changes        []change
	pause          time.Duration // before the next poll
	err            error
}

type change struct {
	post     int
	revision motacilla.Revision // 0 is a removal
}

const (
	crowdTick  = 10 * time.Millisecond
	sip        = 1000   // bytes that a slow reader reads each second
	mostFrames = 20_000 // decoded frames that are kept
	comeBack   = 4 * time.Second
)

// NewCrowd returns a crowd. Connect makes its connections.
func NewCrowd(spec Spec) (*Crowd, error) {
	if spec.Mode == Raw || spec.Mode == NchanPoll || spec.Streams > 0 || spec.Since < 0 || spec.Silent+spec.Slow >= spec.Readers {
		return nil, fmt.Errorf("load: no crowd for %+v", spec)
	}
	client, err := New(spec)
	if err != nil {
		return nil, err
	}
	c := &Crowd{
		client: client, readers: make([]crowdReader, spec.Readers), frames: make(map[string]*decoded),
		posts: make(map[motacilla.PostID]int), CrowdReport: CrowdReport{Faults: make(map[string]int)},
	}
	for i := range c.readers {
		c.readers[i] = crowdReader{cursor: motacilla.Revision(spec.Since), asked: true}
	}
	client.crowd = c
	return c, nil
}

// Close closes all connections by a reset.
func (c *Crowd) Close() error { return c.client.Close() }

// Connect makes all connections.
func (c *Crowd) Connect(timeout time.Duration) error { return c.client.Connect(timeout) }

// Until reads until done returns true. It calls done a hundred times a second.
func (c *Crowd) Until(done func() bool, timeout time.Duration) error {
	for deadline, asked := time.Now().Add(timeout), c.ticked; !done(); asked = c.ticked {
		for c.ticked.Equal(asked) {
			if err := c.client.step(deadline); err != nil {
				return err
			}
		}
	}
	return nil
}

// Await reads until every reader is at head. Slow readers count if slow is true.
func (c *Crowd) Await(head motacilla.Revision, slow bool, timeout time.Duration) error {
	first := c.first(slow)
	behind := first
	err := c.Until(func() bool {
		for behind < len(c.readers) && c.readers[behind].cursor >= head {
			behind++
		}
		return behind == len(c.readers)
	}, timeout)
	if err != nil {
		late := 0
		for i := first; i < len(c.readers); i++ {
			if c.readers[i].cursor < head {
				late++
			}
		}
		return fmt.Errorf("await revision %d: %d readers lack it, %d are away, ends %v: %w", head, late, c.Away(), c.Faults, err)
	}
	return nil
}

// first returns the first reader that counts. Readers that never read do not count.
func (c *Crowd) first(slow bool) int {
	if slow {
		return c.client.spec.Silent
	}
	return c.client.spec.Silent + c.client.spec.Slow
}

// Hurry makes slow readers read as fast as the others from now on.
func (c *Crowd) Hurry() { c.hurried = true }

// Away returns the number of readers without a connection.
func (c *Crowd) Away() int { return len(c.away) }

// Measure returns how late updates were since the last call, sorted: the time from the revision of an update to its receipt
// by readers that are not slow. The first call begins the measurement.
func (c *Crowd) Measure() []time.Duration {
	lags := c.lags
	c.lags, c.measure = nil, true
	slices.Sort(lags)
	return lags
}

// Differ returns the number of readers that do not hold want, and what the first of them holds instead. Slow readers count
// if slow is true.
func (c *Crowd) Differ(want map[motacilla.PostID]motacilla.Revision, slow bool) (readers int, how string) {
	for i := c.first(slow); i < len(c.readers); i++ {
		missing, extra := 0, 0
		for id, revision := range want {
			if at, known := c.posts[id]; !known || c.readers[i].at(at) != revision {
				missing++
			}
		}
		for id, at := range c.posts {
			if _, there := want[id]; !there && c.readers[i].at(at) != 0 {
				extra++
			}
		}
		if missing+extra == 0 {
			continue
		}
		if readers++; readers == 1 {
			how = fmt.Sprintf("reader %d at %d has not, or not as they are, %d of %d posts, and %d that are not there",
				i, c.readers[i].cursor, missing, len(want), extra)
		}
	}
	return readers, how
}

func (r *crowdReader) at(post int) motacilla.Revision {
	if post < len(r.held) {
		return r.held[post]
	}
	return 0
}

// take handles a frame of the server.
func (c *Crowd) take(co *conn, i int, said []byte) {
	r := &c.readers[i]
	begin := bytes.IndexByte(said, '{')
	if at := bytes.Index(said[:max(begin, 0)], []byte("retry: ")); at >= 0 || begin < 0 {
		field, _, _ := bytes.Cut(said[max(at, 0):], []byte("\n"))
		if ms, err := strconv.Atoi(string(bytes.TrimPrefix(field, []byte("retry: ")))); err == nil {
			r.retry = time.Duration(ms) * time.Millisecond
		}
		if begin < 0 {
			return
		}
	}
	f := c.frames[string(said[begin:])]
	if f == nil {
		if len(c.frames) >= mostFrames {
			clear(c.frames)
		}
		f = c.decode(said[begin:])
		c.frames[string(said[begin:])] = f
	}
	if f.err != nil {
		c.Malformed++
		c.Faults[f.err.Error()]++
		return
	}
	c.apply(r, f)
	co.revision = int64(r.cursor)
	if f.pause > 0 {
		r.retry = f.pause
	}
	if c.measure && i >= c.first(false) && len(f.changes) > 0 && !f.reset {
		c.lags = append(c.lags, time.Since(f.revision.Time()))
	}
}

func (c *Crowd) apply(r *crowdReader, f *decoded) {
	asked := r.asked
	r.asked = c.client.spec.Mode.Polls()
	switch {
	case f.reset:
		if !asked || r.cursor != motacilla.Revision(c.client.spec.Since) {
			c.Resets++
		}
		clear(r.held)
	case f.from > r.cursor:
		c.Gaps++
	case f.from < r.cursor:
		c.Doubled++
		return
	}
	r.cursor = f.revision
	for _, change := range f.changes {
		if need := change.post + 1 - len(r.held); need > 0 {
			r.held = append(r.held, make([]motacilla.Revision, need)...)
		}
		if change.revision != 0 && r.held[change.post] >= change.revision {
			c.Doubled++
		}
		r.held[change.post] = change.revision
	}
}

func (c *Crowd) decode(body []byte) *decoded {
	var u motacilla.Update
	if err := u.UnmarshalJSON(bytes.TrimSpace(body)); err != nil {
		return &decoded{err: err}
	}
	f := &decoded{from: u.From, revision: u.Revision, reset: u.Reset}
	for _, render := range u.Renders {
		f.changes = append(f.changes, change{c.place(render.ID), render.Revision})
	}
	for _, id := range u.Removals {
		f.changes = append(f.changes, change{post: c.place(id)})
	}
	const key = `"next_poll_ms":`
	if at := bytes.LastIndex(body, []byte(key)); at >= 0 {
		digits, _, _ := bytes.Cut(body[at+len(key):], []byte("}"))
		ms, _ := strconv.Atoi(string(digits))
		f.pause = time.Duration(ms) * time.Millisecond
	}
	return f
}

func (c *Crowd) place(id motacilla.PostID) int {
	at, known := c.posts[id]
	if !known {
		at = len(c.posts)
		c.posts[id] = at
	}
	return at
}

// request returns the first request of a connection.
func (c *Crowd) request(co *conn) []byte {
	before, after, _ := bytes.Cut(c.client.request, []byte("?since="))
	_, after, _ = bytes.Cut(after, []byte(" "))
	c.asking = fmt.Appendf(c.asking[:0], "%s?since=%d %s", before, co.revision, after)
	return c.asking
}

// ended plans the return of a reader whose connection has ended or could not be made.
func (c *Crowd) ended(i int, err error) {
	now := time.Now()
	r := &c.readers[i]
	c.Faults[err.Error()]++
	c.Ends = append(c.Ends, now)
	wait := time.Second + rand.N(comeBack)
	if r.retry > 0 {
		wait = r.retry + rand.N(r.retry/2+1)
	}
	r.due, r.retry = now.Add(wait), 0
	c.away = append(c.away, i)
}

// tick connects the readers whose time to come back has come, and lets slow readers read.
func (c *Crowd) tick() error {
	now := time.Now()
	if now.Sub(c.ticked) < crowdTick {
		return nil
	}
	if !c.ticked.IsZero() {
		c.Paused = max(c.Paused, now.Sub(c.ticked))
	}
	c.ticked = now
	var back []int
	c.away = slices.DeleteFunc(c.away, func(i int) bool {
		due := !now.Before(c.readers[i].due)
		if due {
			back = append(back, i)
		}
		return due
	})
	for _, i := range back {
		c.Returns++
		c.readers[i].asked = true
		if err := c.client.dial(i); err != nil && !c.client.spec.TLS {
			return err
		} else if err != nil { // the handshake failed
			c.ended(i, err)
		}
	}
	spec := &c.client.spec
	for i := spec.Silent; i < spec.Silent+spec.Slow; i++ {
		r, co := &c.readers[i], &c.client.conns[i]
		if co.fd == 0 || !co.sent || now.Before(r.due) {
			continue
		}
		r.due = now.Add(time.Second/2 + rand.N(time.Second))
		most := sip
		if c.hurried {
			r.due, most = now, math.MaxInt
		}
		if err := c.client.read(co, i, most); err != nil {
			c.client.fail(co, i, err)
		}
	}
	return nil
}
