package live

import (
	"cmp"
	"context"
	"fmt"

	"github.com/motacilla-live/motacilla/publisher"
)

// HandOver passes the connections of readers to give, for another process with the same site, which calls [Live.TakeOver]. at names the
// publisher there. Connections that can't move stay, such as those over HTTP/2 and requests that are held: [Live.Drain] ends them.
// The rest is as in [publisher.HandsOver].
func (l *Live) HandOver(ctx context.Context, give func(at string, h publisher.Handed) error) error {
	for _, p := range l.has.Publishers {
		hands, ok := p.It.(publisher.HandsOver)
		if !ok {
			continue
		}
		if err := hands.HandOver(ctx, l.table, func(h publisher.Handed) error { return give(p.handle(), h) }); err != nil {
			return fmt.Errorf("hand over the connections of %s: %w", p.At, err)
		}
	}
	return nil
}

// TakeOver carries on a connection that another process handed over. If it returns an error, the socket is the caller's to close.
func (l *Live) TakeOver(ctx context.Context, at string, h publisher.Handed) error {
	for _, p := range l.has.Publishers {
		if hands, ok := p.It.(publisher.HandsOver); ok && p.handle() == at {
			return hands.TakeOver(ctx, h, l.table)
		}
	}
	return fmt.Errorf("take over a connection: there is no %s that can", at)
}

// handle names a part for another process, whose configuration may have it at another place.
func (n Named[P]) handle() string { return cmp.Or(n.Name, n.At) }
