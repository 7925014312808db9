package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
)

// follower follows one channel.
type follower struct {
	*ladder
	channel motacilla.ChannelID
	cursor  motacilla.Revision
	yield   func(motacilla.Update, error) bool
	retry   func(err error, wait time.Duration) error // nil if nobody wants to know
	works   func()                                    // is called when a transport has shown that it works; may be nil
	stopped bool                                      // the caller has left the loop
	gone    bool                                      // the channel was deleted
}

// newFollower returns a follower that begins at o.Since.
func newFollower(c *Client, n links, channel motacilla.ChannelID, o FollowOptions, yield func(motacilla.Update, error) bool) *follower {
	f := &follower{channel: channel, cursor: o.Since, yield: yield, retry: o.Retry}
	f.ladder = &ladder{Client: c, links: n, subject: f, o: o, backoff: c.backoff()}
	return f
}

func (f *follower) ask(ctx context.Context) ([]offer, error) { return f.list(ctx, f.channel) }

func (f *follower) away(name string) (o offer, ok bool) {
	at := slices.IndexFunc(f.offers, func(o offer) bool { return o.name == name })
	if at < 0 || at == f.at {
		return offer{}, false
	}
	return f.offers[at], true
}

// question returns the address with the cursor.
func (f *follower) question(address *url.URL) *url.URL {
	u := *address
	q := u.Query()
	q.Set("since", f.cursor.String())
	u.RawQuery = q.Encode()
	return &u
}

func (f *follower) opened(func([]byte) error) {}

func (f *follower) message(s *session, kind string, data []byte) (more bool, err error) {
	if kind != "" && kind != plainEvent {
		return true, nil
	}
	u, err := f.decode(data)
	if err != nil {
		return false, err
	}
	return f.take(s, u, !s.delivered), nil
}

func (f *follower) fault(_ context.Context, err error, wait time.Duration) error {
	if f.retry == nil {
		return nil
	}
	return f.retry(err, wait)
}

func (f *follower) over() bool { return f.stopped || f.gone }

// deliver notes that the transport works.
func (f *follower) deliver(s *session) {
	s.deliver()
	if f.works != nil {
		f.works()
	}
}

// take yields u if it is of use by the rules of [motacilla.View]. asked must be true for the first update of a poll or of
// a connection. take returns false if the session must end.
func (f *follower) take(s *session, u *motacilla.Update, asked bool) (more bool) {
	f.deliver(s)
	fits, more := f.apply(s, u, asked)
	s.gap = s.gap || !fits
	return fits && more
}

// apply is take for a transport that may go on if an update does not fit.
func (f *follower) apply(s *session, u *motacilla.Update, asked bool) (fits, more bool) {
	view := motacilla.View{Revision: f.cursor}
	switch view.Judge(u, asked) {
	case motacilla.AskAgain:
		return false, true
	case motacilla.Ignore:
		if !u.Heartbeat() || u.Revision != f.cursor { // the caller wants to know that it is up to date
			return true, true
		}
	}
	s.moved = s.moved || f.cursor != u.Revision
	f.cursor = u.Revision
	if !f.yield(*u, nil) {
		f.stopped = true
		return true, false
	}
	f.gone = u.Gone
	return true, !u.Gone
}

// decode parses an update and checks that it is of the follower's channel.
func (f *follower) decode(data []byte) (*motacilla.Update, error) {
	u := new(motacilla.Update)
	if err := json.Unmarshal(data, u); err != nil {
		return nil, malformed(err)
	}
	if u.Channel != f.channel {
		return nil, &failure{err: fmt.Errorf("the update belongs to channel %q", u.Channel), unusable: true}
	}
	return u, nil
}

// malformed returns the error for a message that can't be parsed. It does not wrap err, because callers of Follow must
// see ErrInvalid only for their own mistakes.
func malformed(err error) error {
	return &failure{err: fmt.Errorf("the message is not an update: %v", err), unusable: true} //nolint:errorlint // see above
}
