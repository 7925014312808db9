// Package client follows channels of a server of Motacilla, over whichever transport there is.
//
//	var view motacilla.View
//	for u, err := range client.Follow(ctx, "https://live.example.org", "match-42", nil) {
//		if err != nil {
//			return err
//		}
//		view.Apply(&u, true)
//	}
package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// ErrNoTransport ends Follow where the server offers none of the transports that it may use.
var ErrNoTransport = errors.New("no transport in common with the server")

// Options are the settings of [Follow]; nil and zero fields mean the defaults.
type Options struct {
	// Transports are the names of those that may be used, of [Transports]; none means all. The order is the server's.
	Transports []string
	// HTTP makes the requests; its Timeout is not used, since streams last. WebSocket takes the proxy, the TLS settings
	// and the dialling of its Transport where that is an *http.Transport, and its cookies. nil is a client like
	// http.DefaultClient whose connections are closed when Follow ends.
	HTTP *http.Client
	// Token is sent as Authorization: Bearer, to the base URL's own scheme and host alone.
	Token string
	// Since is the revision from which to go on; 0 asks for the channel's newest page.
	Since motacilla.Revision
	// FirstUpdate is how long a transport may take to its first update before the next one is tried; 5 s. Each time that
	// none of them made it they have twice as long, up to 16 times.
	FirstUpdate time.Duration
	// Heartbeat is how often the server says something at least; 15 s. A connection that says nothing for three of them is
	// given up.
	Heartbeat time.Duration
	// MinWait and MaxWait bound the pause before trying again; 500 ms and 15 s. It doubles from one to the other, less up
	// to half of it at random, and is longer where the server asks for it (Retry-After, or retry of an event stream).
	MinWait, MaxWait time.Duration
	// MaxUpdate is the longest update that is taken, in bytes of JSON; 256 MiB, which is more than 500 posts of 64 KiB
	// can be.
	MaxUpdate int
	// Retry, where it is not nil, is told what went wrong before each pause that follows a fault, and how long that is.
	// An error that it returns ends Follow, with that error.
	Retry func(err error, wait time.Duration) error
}

// Transports returns the names of the transports that the package knows.
func Transports() []string {
	names := make([]string, 0, len(table()))
	for _, t := range table() {
		names = append(names, t.name)
	}
	return names
}

// Follow yields a channel's updates as they come from the server at baseURL, such as https://live.example.org, or
// https://example.org/live-blog where a proxy serves it below a path. It asks what the server offers
// (GET /channels/{channel}/transports) and takes the first that it knows; where one brings no first update in time, or
// can't be used at all, it takes the next. The one that works is kept for as long as it does. After a break it goes on
// from the last update, after a pause.
//
// Updates are those of the wire, and the rules of [motacilla.View] have been minded: whoever applies each in the order
// in which they come, with asked true, holds what the server holds. What ends before the cursor and was not asked for
// is dropped; where an update begins after the cursor, or a reset that was not asked for leads back, Follow asks again
// instead of yielding it. Heartbeats are yielded too ([motacilla.Update.Heartbeat]): they say that the reader is up to
// date, and the first of a connection is one where nothing happened meanwhile. An update is the caller's own.
//
// Follow ends after an update that says that the channel is gone, and else with an error as its last pair: ctx's own; an
// [motacilla.ErrNotFound], [motacilla.ErrForbidden], [motacilla.ErrUnauthorized] or [motacilla.ErrInvalid], or
// [ErrNoTransport], which trying again would not mend; or what Options.Retry returned. All else is tried again for as
// long as it takes.
//
// A caller that takes long over an update leaves the connection unread meanwhile; the server may close it, and Follow
// goes on from the cursor. Follow runs on the caller's goroutine: when the loop over it ends, nothing of it is left. It
// may be iterated again, from the beginning.
func Follow(ctx context.Context, baseURL string, channel motacilla.ChannelID, o *Options) iter.Seq2[motacilla.Update, error] {
	return func(yield func(motacilla.Update, error) bool) {
		f, err := newFollower(baseURL, channel, o, yield)
		if err == nil {
			defer f.close()
			err = f.run(ctx)
		}
		if err != nil {
			yield(motacilla.Update{}, fmt.Errorf("follow channel %q: %w", channel, err))
		}
	}
}

func newFollower(
	baseURL string, channel motacilla.ChannelID, o *Options, yield func(motacilla.Update, error) bool,
) (*follower, error) {
	if _, err := motacilla.ParseChannelID(string(channel)); err != nil {
		return nil, err
	}
	base, err := url.Parse(baseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, motacilla.Invalid("base URL", "must be http or https with a host")
	}
	base.RawQuery, base.Fragment = "", ""
	f := &follower{base: base, channel: channel, o: o.withDefaults(), yield: yield}
	for _, name := range f.o.Transports {
		if !slices.Contains(Transports(), name) {
			return nil, motacilla.Invalid("transport", "%q is not known; known: %s", name, strings.Join(Transports(), ", "))
		}
	}
	f.cursor = f.o.Since
	f.backoff = backoff{shortest: f.o.MinWait, longest: f.o.MaxWait}
	f.http, f.close = f.client()
	return f, nil
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.FirstUpdate <= 0 {
		d.FirstUpdate = 5 * time.Second
	}
	if d.Heartbeat <= 0 {
		d.Heartbeat = 15 * time.Second
	}
	if d.MinWait <= 0 {
		d.MinWait = 500 * time.Millisecond
	}
	if d.MaxWait <= 0 {
		d.MaxWait = 15 * time.Second
	}
	if d.MaxUpdate <= 0 {
		d.MaxUpdate = 256 << 20
	}
	return d
}

// silence is after how long without a word a connection is dead.
func (o *Options) silence() time.Duration { return 3 * o.Heartbeat }
