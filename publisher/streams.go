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

// Streams carries a channel's updates to connections that stay open: what streaming publishers have in common. A transport
// answers the request and says how things look ([Wire]); the rest, from the first update to the close message, is here.
//
// A reader whose connection is a bare TCP or Unix socket is given to the epoll engine, if the system has one ([Stream.Join]): it
// is then an entry in a table, and has no goroutine. So is one with TLS 1.3 that package tlsrecord has accepted. With HTTP/2 and
// TLS 1.2, and on systems without epoll, each connection has a goroutine ([Stream.Run]). The promises are the same.
type Streams struct {
	feed  *Feed
	wire  *Wire
	stats *Stats

	protocol func(t *topic) protocol // nil for the topic itself

	draining atomic.Bool
	drain    chan struct{} // closed when draining is set
	mu       sync.Mutex
	topics   map[subject]*topic
	open     int
	spread   time.Duration   // over which a drain ends the readers
	idle     chan struct{}   // closed when draining and open is 0
	patient  context.Context // ends when a drain cuts off the readers that have not left
	cut      context.CancelFunc
}

// subject is what a topic is about: a channel in one form of the transport.
type subject struct {
	channel *channel // nil: a lobby
	wire    *Wire
}

// NewStreams returns the streams of one transport. w is the form that [Streams.Open] uses.
func NewStreams(feed *Feed, w *Wire) *Streams {
	s := &Streams{
		feed: feed, wire: w, stats: feed.metrics.Of(w.Name), topics: make(map[subject]*topic),
		drain: make(chan struct{}), idle: make(chan struct{}),
	}
	s.patient, s.cut = context.WithCancel(context.Background())
	return s
}

// Stall is how long a write may take.
func (s *Streams) Stall() time.Duration { return s.feed.options.Stall }

// HasEngine reports whether this system has an epoll engine.
func (s *Streams) HasEngine() bool { return s.feed.engine() != nil }

// Open acquires a slot for the reader of a request and reads what the reader gets first, after cursor. The stream is for
// [Stream.Join] or [Stream.Close]. The errors are those of [Feed.Since] and [Feed.Acquire], ErrForbidden if the reader's
// permission has ended, and ErrClosed in a drain.
func (s *Streams) Open(r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) (*Stream, error) {
	return s.OpenAs(r, ch, cursor, s.wire)
}

// OpenAs is Open for a reader that wants another form of the transport, such as a compressed one. A publisher makes one Wire for
// each form, once: they are compared by their address. Its Name does not count.
func (s *Streams) OpenAs(
	r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, w *Wire,
) (*Stream, error) {
	if s.draining.Load() {
		return nil, fmt.Errorf("open stream: %w", motacilla.ErrClosed)
	}
	slot, err := s.feed.Acquire(r, ch)
	if err != nil {
		return nil, err
	}
	st, err := s.begin(r, ch, cursor, w)
	if err != nil {
		slot.Release()
		return nil, err
	}
	st.slot = slot
	return st, nil
}

func (s *Streams) begin(
	r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, w *Wire,
) (*Stream, error) {
	grant := route.GrantOf(r)
	c, first, err := s.first(r.Context(), ch, cursor, grant)
	if err != nil {
		return nil, err
	}
	defer c.release()
	t, err := s.enter(c, w)
	if err != nil {
		return nil, err
	}
	due := earlier(grant.Expires, w.end())
	return &Stream{
		First: first, streams: s, topic: t, holder: grant.Holder, due: due,
		expires: !due.IsZero() && due.Equal(grant.Expires), guarded: grant.WhilePublic,
	}, nil
}

// first opens a channel and returns what its reader gets first, after cursor. The caller must release the channel.
func (s *Streams) first(
	ctx context.Context, ch motacilla.ChannelID, cursor motacilla.Revision, grant route.Grant,
) (*channel, *Delta, error) {
	c, err := s.feed.channels.open(ctx, ch)
	if err != nil {
		return nil, nil, err
	}
	first, err := c.delta(ctx, cursor)
	if err == nil && first.Gone {
		err = notFound(ch)
	}
	if err == nil && grant.Holder.Revoked() {
		err = mayNoMore(ch)
	}
	if err == nil && grant.WhilePublic && (first.private || c.state().private()) {
		err = fmt.Errorf("channel %q has become private: %w without the token", ch, motacilla.ErrForbidden)
	}
	if err != nil {
		c.release()
		return nil, nil, err
	}
	return c, first, nil
}

// enter counts a reader, and returns its topic.
func (s *Streams) enter(c *channel, w *Wire) (*topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.follow(c, w, s.protocol)
	if err == nil {
		s.count()
	}
	return t, err
}

// count counts a connection. s.mu must be held.
func (s *Streams) count() {
	s.open++
	s.stats.Readers.Add(1)
}

// follow adds a reader to a topic, which speaks is the protocol of. s.mu must be held.
func (s *Streams) follow(c *channel, w *Wire, speaks func(t *topic) protocol) (*topic, error) {
	if s.draining.Load() {
		return nil, fmt.Errorf("open stream: %w", motacilla.ErrClosed)
	}
	of := subject{c, w}
	t := s.topics[of]
	if t == nil {
		t = newTopic(s, c, w, speaks)
		s.topics[of] = t
		if c != nil {
			c.readers.Add(1)
		}
	}
	t.readers++
	t.counts(1)
	return t, nil
}

// counts adds n to the readers of the topic's channel, and to the feed's connections.
func (t *topic) counts(n int64) {
	if t.channel != nil {
		t.channel.audience.streams.Add(n)
	}
	if !t.part { // otherwise the lobby has the connection
		t.streams.feed.connections.Add(n)
	}
}

// leave stops counting a reader of t.
func (s *Streams) leave(t *topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unfollow(t)
	s.stats.Readers.Add(-1)
	s.open--
	if s.draining.Load() && s.open == 0 {
		close(s.idle)
	}
}

// unfollow removes a reader from a topic, which ends with its last reader. s.mu must be held.
func (s *Streams) unfollow(t *topic) {
	t.counts(-1)
	if t.readers--; t.readers > 0 {
		return
	}
	delete(s.topics, subject{t.channel, t.wire})
	close(t.over)
	if t.channel != nil {
		t.channel.release()
	}
}

// drainDelay returns how long this reader waits before it is closed during a drain; draining is false if there is no drain.
func (s *Streams) drainDelay() (wait time.Duration, draining bool) {
	if !s.draining.Load() {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return rand.N(s.spread + 1), true
}

const (
	drainRate    = 4000                   // readers that a drain closes in a second, so that they do not all come back at once
	longestDrain = 3 * time.Second        // the time over which a drain closes readers, however many there are
	cutWithin    = 100 * time.Millisecond // how long the readers that were cut off need to leave
)

// Shutdown drains: it sends every reader its close message, spread over up to 3 s, and waits until all have left. Readers that are
// still there when four fifths of ctx's time are over are cut off. Open fails from then on. Shutdown may be called again.
func (s *Streams) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	began := s.draining.Swap(true)
	var late <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		late = time.After(time.Until(deadline) * 4 / 5)
	}
	if !began {
		s.spread = min(time.Duration(s.open)*time.Second/drainRate, longestDrain)
		if deadline, ok := ctx.Deadline(); ok {
			s.spread = max(min(s.spread, time.Until(deadline)/2), 0)
		}
		close(s.drain)
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
			if !t.part { // the lobby drains these readers
				all.Go(func() { t.drain(ctx, readers, spread) })
			}
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
	select {
	case <-s.idle:
		return nil
	case <-time.After(cutWithin):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Errorf("shut down %s: %d readers had not left: %w", s.wire.Name, s.open, ctx.Err())
}
