package client

import (
	"context"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Connect reads one connection over a transport, or polls once, as Follow does.
func Connect(
	ctx context.Context, name, address string, since motacilla.Revision, yield func(*motacilla.Update) bool,
) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	channel := motacilla.ChannelID(path.Base(strings.TrimRight(u.Path, "/")))
	c, err := New(u.Scheme+"://"+u.Host, nil)
	if err != nil {
		return err
	}
	o, err := (&FollowOptions{Since: since, FirstUpdate: time.Minute}).withDefaults()
	if err != nil {
		return err
	}
	n, closing := c.links(&o)
	defer closing()
	f := newFollower(c, n, channel, o, func(u motacilla.Update, _ error) bool { return yield(&u) })
	for _, e := range table() {
		if e.name != name {
			continue
		}
		if p, ok := e.transport.(polling); ok {
			s := &session{ladder: f.ladder, address: u, first: time.NewTimer(time.Minute)}
			got, err := p.poll(ctx, s, question{cursor: f.cursor}, false, "")
			if err == nil {
				f.take(s, got.update, true)
			}
			return err
		}
		_, err = f.connect(ctx, offer{entry: e, address: u})
	}
	return err
}
