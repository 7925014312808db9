package presence

import (
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// tally is how many readers a node has. It does not change.
type tally struct {
	total    int // a reader of several channels, over one connection, counts once
	channels map[motacilla.ChannelID]audience
}

type audience struct {
	readers int
	created time.Time // the channel's
}

// counter counts the readers of this node.
type counter struct {
	source Source
	every  time.Duration
	list   []publisher.ChannelReaders
	last   time.Time
	polls  map[motacilla.ChannelID]*polls
}

// polls are the sums of a channel's polls at the last counts, the oldest first. Each poll counts for its interval.
type polls struct {
	sums []sum
	seen time.Time
}

type sum struct {
	at     time.Time
	polled time.Duration
}

func (c *counter) count(now time.Time) *tally {
	var node publisher.NodeReaders
	c.list, node = c.source.Readers(c.list[:0])
	if c.last.IsZero() {
		c.last = now.Add(-c.every)
	}
	t := &tally{total: node.Connections, channels: make(map[motacilla.ChannelID]audience, len(c.list))}
	for _, one := range c.list {
		n := one.Held
		if one.Polled > 0 {
			n += c.pollers(now, one, node.Interval)
		}
		t.total += n
		if n += one.Streams; n > 0 {
			t.channels[one.Channel] = audience{n, one.Created}
		}
	}
	for id, p := range c.polls {
		if p.seen != now { // the channel is no longer in memory
			delete(c.polls, id)
		}
	}
	c.last = now
	return t
}

// pollers estimates how many readers poll a channel, by the polls of the last two intervals.
func (c *counter) pollers(now time.Time, one publisher.ChannelReaders, interval time.Duration) int {
	p := c.polls[one.Channel]
	if p == nil || p.sums[len(p.sums)-1].polled > one.Polled { // the channel has been out of memory
		p = &polls{sums: []sum{{c.last, 0}}}
		if c.polls == nil {
			c.polls = map[motacilla.ChannelID]*polls{}
		}
		c.polls[one.Channel] = p
	}
	p.seen = now
	p.sums = append(p.sums, sum{now, one.Polled})
	old := 0
	for old+2 < len(p.sums) && now.Sub(p.sums[old+1].at) >= 2*interval {
		old++
	}
	p.sums = append(p.sums[:0], p.sums[old:]...)
	polled := one.Polled - p.sums[0].polled
	if polled <= 0 {
		return 0
	}
	over := max(now.Sub(p.sums[0].at), interval)
	return max(1, int(float64(polled)/float64(over)+0.49)) // one and a half is one that has just come
}
