package publisher

import (
	"context"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// channels are those that have readers, or had some lately.
type channels struct {
	feed *Feed

	mu sync.RWMutex
	by map[motacilla.ChannelID]*channel
}

// open returns a channel that has a state. The caller must release it.
func (cs *channels) open(ctx context.Context, id motacilla.ChannelID) (*channel, error) {
	for {
		if cs.feed.work.ctx.Err() != nil {
			return nil, motacilla.ErrClosed
		}
		c := cs.acquire(id)
		err := c.open(ctx)
		if err == nil && cs.of(id) == c {
			return c, nil
		}
		c.release()
		if err != nil {
			cs.drop(c) // unknown channels must cost nothing lasting
			return nil, err
		}
	}
}

func (cs *channels) acquire(id motacilla.ChannelID) *channel {
	cs.mu.RLock()
	c := cs.by[id]
	if c != nil {
		c.readers.Add(1)
	}
	cs.mu.RUnlock()
	if c != nil {
		return c
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c = cs.by[id]; c == nil {
		c = newChannel(cs.feed, id)
		cs.by[id] = c
	}
	c.readers.Add(1)
	return c
}

// of returns the channel that hints go to; nil if it is not in memory.
func (cs *channels) of(id motacilla.ChannelID) *channel {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	return cs.by[id]
}

// known returns the channel's state if it has everything that was heard of; nil otherwise.
func (cs *channels) known(id motacilla.ChannelID) *state {
	c := cs.of(id)
	if c == nil || cs.feed.work.ctx.Err() != nil {
		return nil
	}
	s := c.loader.state.Load()
	if s == nil || s.gone || c.loader.behind(s) {
		return nil
	}
	c.touch()
	return s
}

// loaded returns all channels that have a state.
func (cs *channels) loaded() []*channel {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	all := make([]*channel, 0, len(cs.by))
	for _, c := range cs.by {
		if c.loader.state.Load() != nil {
			all = append(all, c)
		}
	}
	return all
}

// sweep forgets the channels that nobody has read since.
func (cs *channels) sweep(since time.Time) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for id, c := range cs.by {
		if c.readers.Load() == 0 && c.used.Load() < since.UnixNano() {
			delete(cs.by, id)
		}
	}
}

// forget has new readers get another channel. Whoever has c keeps it.
func (cs *channels) forget(c *channel) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.by[c.id] == c {
		delete(cs.by, c.id)
	}
}

// drop forgets c if nobody has it.
func (cs *channels) drop(c *channel) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.by[c.id] == c && c.readers.Load() == 0 {
		delete(cs.by, c.id)
	}
}

func (cs *channels) len() int {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	return len(cs.by)
}
