package publisher

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// ChannelReaders is how many readers a channel has on this node.
type ChannelReaders struct {
	Channel motacilla.ChannelID
	Created time.Time     // the channel's
	Streams int           // streams, and requests that the epoll engine holds, now
	Held    int           // requests that a goroutine holds: the most at a time since the last call of [Feed.Readers]
	Polled  time.Duration // the sum of what [Feed.Polled] was told, since the channel is in memory
}

// NodeReaders is what concerns all readers of a node.
type NodeReaders struct {
	Connections int           // of streams; one with several channels counts once
	Interval    time.Duration // the longest that Polled was told
}

// audience counts the readers of a channel.
type audience struct {
	streams atomic.Int64 // readers of topics
	held    atomic.Int64
	most    atomic.Int64 // of held, since Readers was called
	polled  atomic.Int64 // nanoseconds
}

// Readers appends to list the channels in memory that have readers or had a poll, in no order. A connection with several channels
// counts on each of them. Only one caller may use Readers, since Held is since its last call.
func (f *Feed) Readers(list []ChannelReaders) ([]ChannelReaders, NodeReaders) {
	for _, c := range f.channels.loaded() {
		a := &c.audience
		held := a.held.Load()
		held = max(held, a.most.Swap(held))
		one := ChannelReaders{
			Channel: c.id, Created: c.state().channel.Created,
			Streams: int(a.streams.Load()), Held: int(held), Polled: time.Duration(a.polled.Load()),
		}
		if one.Streams > 0 || one.Held > 0 || one.Polled > 0 {
			list = append(list, one)
		}
	}
	return list, NodeReaders{int(f.connections.Load()), time.Duration(f.interval.Load())}
}

// Polled tells of an answer to a reader that has no connection here, and asks again after interval. So the sum of the intervals, over
// a time, is about the number of such readers.
func (f *Feed) Polled(id motacilla.ChannelID, interval time.Duration) {
	if c := f.channels.of(id); c != nil {
		c.audience.polled.Add(int64(interval))
		raise(&f.interval, int64(interval))
	}
}

// raise makes most n if n is more.
func raise(most *atomic.Int64, n int64) {
	for was := most.Load(); was < n && !most.CompareAndSwap(was, n); was = most.Load() {
	}
}

// hold is Feed.wait for a reader whose request a goroutine holds.
func (c *channel) hold(ctx context.Context, s *state) error {
	if ctx.Err() == nil { // otherwise it is not held
		raise(&c.audience.most, c.audience.held.Add(1))
		defer c.audience.held.Add(-1)
	}
	return c.feed.wait(ctx, s)
}
