package publisher

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Streams carries a channel's updates to connections that stay open: what streaming publishers have in common. A
// transport answers the request and says how things look ([Wire]); the rest, from the first update to the farewell, is
// here.
//
// There are two ways to write. The fast one takes the bare socket of a TCP connection, where the system has one to
// give ([Stream.Hand]): a reader is then a cursor in a table, and no goroutine. The general one, for TLS, HTTP/2 and
// systems without epoll, is a goroutine per reader, the handler's own ([Stream.Run]). The promises are the same.
type Streams struct {
	feed  *Feed
	wire  *Wire
	stats *Stats

	protocol func(t *topic) protocol // nil for that of streams

	draining atomic.Bool
	mu       sync.Mutex
	topics   map[*channel]*topic
	open     int
	spread   time.Duration   // over which a drain ends the readers
	idle     chan struct{}   // closed when draining and open is 0
	patient  context.Context // ends when a drain cuts off who has not left
	cut      context.CancelFunc
}

// NewStreams returns the streams of one transport.
func NewStreams(feed *Feed, w *Wire) *Streams {
	s := &Streams{
		feed: feed, wire: w, stats: feed.Stats(w.Name), topics: make(map[*channel]*topic), idle: make(chan struct{}),
	}
	s.patient, s.cut = context.WithCancel(context.Background())
	return s
}

// Stall is how long a write may take.
func (s *Streams) Stall() time.Duration { return s.feed.options.Stall }

// Fast reports whether there is a fan-out on this system that connections may be handed to.
func (s *Streams) Fast() bool { return s.feed.fanOut() != nil }

// Stream is a reader's place on a channel, from the request on. It is for one goroutine.
type Stream struct {
	First *Step // what the reader gets first; a heartbeat where nothing is new

	streams *Streams
	topic   *topic
	seat    Seat
	grant   route.Grant
	due     time.Time // when it has to end; zero is never
}

// Open admits the reader of a request and reads what it gets first, after cursor. What it returns is for
// [Stream.Hand] or [Stream.Close]. The errors are those of [Feed.Since] and [Feed.Admit], ErrForbidden where the
// reader's permission has ended, and ErrClosed in a drain.
func (s *Streams) Open(r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) (*Stream, error) {
	if s.draining.Load() {
		return nil, fmt.Errorf("open stream: %w", motacilla.ErrClosed)
	}
	seat, err := s.feed.Admit(r, ch)
	if err != nil {
		return nil, err
	}
	st, err := s.begin(r, ch, cursor)
	if err != nil {
		seat.Release()
		return nil, err
	}
	st.seat = seat
	return st, nil
}

func (s *Streams) begin(r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) (*Stream, error) {
	c, err := s.feed.open(r.Context(), ch)
	if err != nil {
		return nil, err
	}
	defer c.release()
	step, _, err := c.step(r.Context(), cursor)
	if err == nil && step.Gone {
		err = fmt.Errorf("channel %q: %w", ch, motacilla.ErrNotFound)
	}
	grant := route.GrantOf(r)
	if err == nil && grant.WhilePublic && (step.private || c.isPrivate()) {
		err = fmt.Errorf("channel %q has become private: %w without the token", ch, motacilla.ErrForbidden)
	}
	if err != nil {
		return nil, err
	}
	t, err := s.enter(c)
	if err != nil {
		return nil, err
	}
	st := &Stream{First: step, streams: s, topic: t, grant: grant, due: grant.Expires}
	if life := s.wire.Lifetime; life > 0 {
		end := time.Now().Add(life + rand.N(life/4+1))
		if st.due.IsZero() || end.Before(st.due) {
			st.due = end
		}
	}
	return st, nil
}

// enter counts a reader in.
func (s *Streams) enter(c *channel) (*topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return nil, fmt.Errorf("open stream: %w", motacilla.ErrClosed)
	}
	t := s.topics[c]
	if t == nil {
		t = newTopic(s, c)
		s.topics[c] = t
		c.follow(t)
	}
	t.readers++
	s.open++
	s.stats.Readers.Add(1)
	return t, nil
}

// leave counts a reader out.
func (s *Streams) leave(t *topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Readers.Add(-1)
	s.open--
	if t.readers--; t.readers == 0 {
		delete(s.topics, t.channel)
		t.channel.unfollow(t)
	}
	if s.draining.Load() && s.open == 0 {
		close(s.idle)
	}
}

// ends returns how long a reader that is one of those that a drain ends is to wait for its turn; false where there is
// no drain.
func (s *Streams) ends() (wait time.Duration, draining bool) {
	if !s.draining.Load() {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return rand.N(s.spread + 1), true
}

// perSecond is how many readers a drain sends away: so many a second can come back elsewhere without a stampede.
const (
	perSecond   = 4000
	longestLeft = 3 * time.Second
	cutWithin   = 100 * time.Millisecond
)

// Shutdown sends every reader its farewell, spread over up to 3 s, and waits until all are gone; whoever is still there
// when four fifths of ctx's time are over is cut off. Open refuses from then on. It may be called again.
func (s *Streams) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	began := s.draining.Swap(true)
	var late <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		late = time.After(time.Until(deadline) * 4 / 5)
	}
	if !began {
		s.spread = min(time.Duration(s.open)*time.Second/perSecond, longestLeft)
		if deadline, ok := ctx.Deadline(); ok {
			s.spread = max(min(s.spread, time.Until(deadline)/2), 0)
		}
		if s.open == 0 {
			close(s.idle)
		}
	}
	topics := slices.Collect(maps.Values(s.topics))
	readers, spread := s.open, s.spread
	s.mu.Unlock()
	if !began {
		var all sync.WaitGroup
		for _, t := range topics {
			all.Go(func() { t.drain(ctx, readers, spread) })
		}
		all.Wait()
	}
	select {
	case <-s.idle:
		return nil
	case <-late:
	case <-ctx.Done():
	}
	s.cut()
	for _, t := range topics {
		t.cut()
	}
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
	}
	select { // those that were cut off just now need a moment
	case <-s.idle:
		return nil
	case <-time.After(cutWithin):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Errorf("shut down %s: %d readers had not left: %w", s.wire.Name, s.open, ctx.Err())
}
