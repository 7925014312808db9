package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Many follows several channels over as few connections as possible. [Client.FollowMany] makes one. Its methods may be called from
// many goroutines at once, and in the loop over Updates too.
type Many struct {
	client *Client
	o      FollowOptions

	mu       sync.Mutex
	channels map[motacilla.ChannelID]*subscription
	loop     *loop // nil if nobody ranges over Updates
}

// subscription is one channel of a Many. Its fields are guarded by Many.mu, but channel and size.
type subscription struct {
	channel motacilla.ChannelID
	size    int // of its part of an address, in bytes, at most
	cursor  motacilla.Revision
	bundle  *bundle // what it is read with; nil if nothing reads it
	removed bool
	backoff backoff   // of refusals that may pass
	again   time.Time // when to ask after one
}

// errTwice ends a loop over Updates if there is one already.
var errTwice = errors.New("Updates must not be ranged over twice at once")

// FollowMany returns a Many without channels. It does not connect. The error is a [motacilla.ErrInvalid].
//
// FollowOptions hold for all channels. Since must be 0, because Add takes the revision of each channel. Retry is called on the
// goroutine that ranges over Updates; its error names the channel if there is one that it concerns alone.
func (c *Client) FollowMany(o *FollowOptions) (*Many, error) {
	d, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if d.Since != 0 {
		return nil, motacilla.Invalid("since", "must be 0: give each channel its revision by Add")
	}
	return &Many{client: c, o: d, channels: map[motacilla.ChannelID]*subscription{}}, nil
}

// Add follows a channel from the revision since on. 0 asks for a snapshot. A channel that is followed already begins anew at since.
// The error is a [motacilla.ErrInvalid].
func (m *Many) Add(channel motacilla.ChannelID, since motacilla.Revision) error {
	if _, err := motacilla.ParseChannelID(string(channel)); err != nil {
		return err
	}
	s := &subscription{channel: channel, cursor: since, backoff: m.client.backoff()}
	s.size = len("&c=,9223372036854775807") + len(url.QueryEscape(string(channel)))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(m.channels[channel])
	m.channels[channel] = s
	if m.loop != nil {
		m.loop.assign(s)
	}
	return nil
}

// Remove stops following a channel. Once it has returned, Updates yields nothing of the channel any more.
func (m *Many) Remove(channel motacilla.ChannelID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(m.channels[channel])
}

// drop stops following a channel. The caller must hold m.mu.
func (m *Many) drop(s *subscription) {
	if s == nil || s.removed {
		return
	}
	s.removed = true
	delete(m.channels, s.channel)
	if s.bundle != nil {
		s.bundle.remove(s)
	}
}

// Cursors returns the channels that are followed, and the revision that each has reached: that of the last update that Updates has
// yielded. With it, Add resumes later.
func (m *Many) Cursors() map[motacilla.ChannelID]motacilla.Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	cursors := make(map[motacilla.ChannelID]motacilla.Revision, len(m.channels))
	for channel, s := range m.channels {
		cursors[channel] = s.cursor
	}
	return cursors
}

// Updates yields the updates of all channels. For each channel they are what [Client.Follow] yields, in the same order, without
// loss or repetition. Heartbeats are left out. Update.Channel is the channel.
//
// One connection has up to 100 channels, if the server offers that for the transport (docs/wire.md). More channels have several
// connections. Over a transport that has one channel for each connection, such as polling, each channel has its own. The transports
// are tried in the server's order, as by Follow.
//
// If a channel cannot be followed, or no longer, Updates yields an update with only its Channel, and an error: that with which
// Follow would end. The channel is then removed, and the others go on. After the update that says that a channel is gone, it is
// removed too.
//
// Updates ends when ctx ends, or FollowOptions.Retry returns an error. Then its last pair is an update without Channel, and that
// error. If no channel is left, it waits for Add. Another loop over Updates goes on where the last one has ended, and there must
// be one at a time.
//
// The loop's body runs on the caller's goroutine. While it works, the connections wait. Connections have goroutines of their own,
// of which none is left when the loop has ended.
func (m *Many) Updates(ctx context.Context) iter.Seq2[motacilla.Update, error] {
	return func(yield func(motacilla.Update, error) bool) {
		if err := m.follow(ctx, yield); err != nil {
			yield(motacilla.Update{}, fmt.Errorf("follow several channels: %w", err))
		}
	}
}

// follow returns nil if the caller has left the loop.
func (m *Many) follow(ctx context.Context, yield func(motacilla.Update, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &loop{many: m, ctx: ctx, cancel: cancel, yield: yield, calls: make(chan call)}
	m.mu.Lock()
	if m.loop != nil {
		m.mu.Unlock()
		return errTwice
	}
	m.loop = l
	var closing func()
	l.links, closing = m.client.links(&m.o)
	for _, channel := range slices.Sorted(maps.Keys(m.channels)) {
		l.assign(m.channels[channel])
	}
	m.mu.Unlock()
	defer closing()
	defer l.close()
	return l.run()
}
