package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// ErrNoTransport ends Follow if the server offers none of the transports that Follow may use.
var ErrNoTransport = errors.New("no transport in common with the server")

// FollowOptions are the settings of [Client.Follow] and [Client.FollowMany]. nil and zero fields mean the defaults.
type FollowOptions struct {
	// Transports are the names of the transports that may be used, from [Transports]. Empty means all. The server decides
	// their order.
	Transports []string
	// Since is the revision from which to resume. 0 asks for a snapshot. FollowMany has one for each channel instead.
	Since motacilla.Revision
	// FirstUpdate is how long a transport may take until its first update. After that, the next transport is tried. Each
	// time that all transports have failed, the time doubles, up to 16 times FirstUpdate. The default is 5 s.
	FirstUpdate time.Duration
	// Heartbeat is the longest time between two messages of the server, as the server is configured. A connection that is
	// silent for three times as long is closed. The default is 15 s.
	Heartbeat time.Duration
	// MaxUpdate is the size of the largest update that is accepted, in bytes of JSON. The default is 256 MiB, which is
	// more than 500 posts of 64 KiB need.
	MaxUpdate int
	// Retry is called before each pause that follows a failure, with the error and the length of the pause. If Retry
	// returns an error, Follow ends with it, and so does the loop over [Many.Updates]. Retry may be nil.
	Retry func(err error, wait time.Duration) error
}

// Transports returns the names of the transports that this package knows.
func Transports() []string {
	names := make([]string, 0, len(table()))
	for _, t := range table() {
		names = append(names, t.name)
	}
	return names
}

// Follow yields the updates of a channel.
//
// Follow asks for the server's list of transports (GET /channels/{channel}/transports) and uses the first that it knows.
// If a transport brings no update in time, or does not work, Follow uses the next. It keeps a transport that works. After
// a break it pauses, as [Options] say, and resumes from the last update.
//
// Follow keeps the rules of [motacilla.View]. A caller that calls View.Apply with each update, in order and with asked
// true, holds what the server holds. Follow drops old updates. If an update does not fit, it asks the server again. It
// yields heartbeats too ([motacilla.Update.Heartbeat]): they say that the reader is up to date. If nothing has changed,
// the first update of a connection is a heartbeat. The caller owns the updates.
//
// Follow ends after the update that says that the channel is gone. Otherwise its last pair is an error:
//   - the error of ctx;
//   - [motacilla.ErrNotFound], [motacilla.ErrForbidden], [motacilla.ErrUnauthorized] or [motacilla.ErrInvalid], if the
//     server's own problem document says so, or the arguments are wrong;
//   - [ErrNoTransport];
//   - the error that FollowOptions.Retry returned.
//
// After any other failure Follow tries again without end. That includes the errors of a proxy, such as its 404 while the
// server restarts, and of a server that is not Motacilla. FollowOptions.Retry sees them.
//
// While the caller works on an update, Follow does not read the connection. If the server closes the connection because
// of that, Follow resumes from the cursor. Follow runs on the caller's goroutine. When the loop over it ends, no
// goroutine of it is left, and no connection unless Options.HTTP keeps it. Another loop over the same iterator begins
// again at FollowOptions.Since.
func (c *Client) Follow(ctx context.Context, channel motacilla.ChannelID, o *FollowOptions) iter.Seq2[motacilla.Update, error] {
	return func(yield func(motacilla.Update, error) bool) {
		err := c.follow(ctx, channel, o, yield)
		if err != nil {
			yield(motacilla.Update{}, fmt.Errorf("follow channel %q: %w", channel, err))
		}
	}
}

func (c *Client) follow(
	ctx context.Context, channel motacilla.ChannelID, o *FollowOptions, yield func(motacilla.Update, error) bool,
) error {
	if _, err := motacilla.ParseChannelID(string(channel)); err != nil {
		return err
	}
	d, err := o.withDefaults()
	if err != nil {
		return err
	}
	n, closing := c.links(&d)
	defer closing()
	return newFollower(c, n, channel, d, yield).run(ctx)
}

func (o *FollowOptions) withDefaults() (FollowOptions, error) {
	var d FollowOptions
	if o != nil {
		d = *o
	}
	for _, name := range d.Transports {
		if !slices.Contains(Transports(), name) {
			return d, motacilla.Invalid("transport", "%q is not known; known: %s", name, strings.Join(Transports(), ", "))
		}
	}
	if d.FirstUpdate <= 0 {
		d.FirstUpdate = 5 * time.Second
	}
	if d.Heartbeat <= 0 {
		d.Heartbeat = 15 * time.Second
	}
	if d.MaxUpdate <= 0 {
		d.MaxUpdate = 256 << 20
	}
	// So that a caller may give the largest number for no limit: sums and multiples of these must not overflow.
	d.MaxUpdate = min(d.MaxUpdate, math.MaxInt-maxFraming)
	d.FirstUpdate, d.Heartbeat = min(d.FirstUpdate, longestTime), min(d.Heartbeat, longestTime)
	return d, nil
}

// longestTime is the longest time of the options, in effect without end.
const longestTime = math.MaxInt64 / 32

// silence returns for how long a connection may say nothing before it is closed.
func (o *FollowOptions) silence() time.Duration { return 3 * o.Heartbeat }
