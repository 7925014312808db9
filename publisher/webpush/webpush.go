// Package webpush tells readers of key events by notifications (Web Push, RFC 8030), also while they have no page open. A reader presses
// a button on the live page. Its browser subscribes at its push service, and the subscription is kept in the store's records. When a
// post becomes a key event, jobs in the store's records send it to all readers of the channel, on whichever nodes are free.
//
// Each message is encrypted for its reader (RFC 8291), and signed by a key of the site (RFC 8292). The key is made once, and all
// nodes share it.
package webpush

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Posts is where channels and posts are read. A store is one.
type Posts interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)
}

// Publisher sends notifications. All methods may be called from many goroutines at once.
type Publisher struct {
	records motacilla.Records
	posts   Posts
	client  *outbound.Client
	address func(r *http.Request) netip.Addr
	o       Options
	queue   *work.Queue
	readers atomic.Pointer[readers] // is set by Start
	log     *zap.Logger

	sent, ended, refused atomic.Int64
}

// attempts is how often a message is tried that a push service can't take, within about five minutes.
const attempts = 6

// New returns a Publisher. address tells where a request comes from; nil is the peer's address. If an option is wrong, the error is a
// motacilla.ErrInvalid.
func New(
	records motacilla.Records, posts Posts, client *outbound.Client, address func(r *http.Request) netip.Addr, o *Options,
) (*Publisher, error) {
	p := &Publisher{records: records, posts: posts, client: client, address: address, o: o.withDefaults()}
	if err := p.o.validate(); err != nil {
		return nil, err
	}
	if p.address == nil {
		p.address = route.Proxies(nil).ClientAddr
	}
	if p.log = p.o.Logger; p.log == nil {
		p.log = zap.NewNop()
	}
	p.queue = p.newQueue(10*time.Second, 0)
	return p, nil
}

func (p *Publisher) newQueue(backoff, poll time.Duration) *work.Queue {
	return work.NewQueue(p.records, "web-push", p.do, &work.QueueOptions{
		Workers: 8, Attempts: attempts, Backoff: backoff, Poll: poll, Logger: p.log,
	})
}

// Start reads the key of the site from the store, or makes it, and begins to send what is queued.
func (p *Publisher) Start(ctx context.Context) error {
	scalar, err := p.o.scalar()
	if p.o.PrivateKey == "" {
		scalar, err = loadKey(ctx, p.records)
	}
	if err != nil {
		return err
	}
	v, err := newVAPID(scalar, p.o.Contact)
	if err != nil {
		return err
	}
	p.readers.Store(&readers{p.records, v, p.o.PerChannel, p.o.PerAddress, p.o.Keep})
	return p.queue.Start(ctx)
}

// Shutdown ends sending. What is left is sent after the next start, or by another node.
func (p *Publisher) Shutdown(ctx context.Context) error { return p.queue.Shutdown(ctx) }

// started returns the readers. Before Start the error is an ErrUnavailable.
func (p *Publisher) started() (*readers, error) {
	if rs := p.readers.Load(); rs != nil {
		return rs, nil
	}
	return nil, fmt.Errorf("notifications have not started: %w", motacilla.ErrUnavailable)
}

// Tell tells the readers of a channel of a post, if it is a key event that is shown and not older than Options.TTL. When it returns
// without an error, that outlives this node. A post is told of once, however often Tell is called.
func (p *Publisher) Tell(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) error {
	post, err := p.posts.Post(ctx, ch, id)
	if gone(err) || err == nil && p.worth(post) <= 0 {
		return nil
	}
	if err == nil {
		err = p.add(ctx, job{Channel: ch, Post: id})
	}
	if err != nil {
		return fmt.Errorf("tell of post %q on channel %q: %w", id, ch, err)
	}
	return nil
}

// worth returns for how long a post is still worth a notification; 0 or less is not at all.
func (p *Publisher) worth(post motacilla.Post) time.Duration {
	if !post.Show || !post.KeyEvent {
		return 0
	}
	return min(p.o.TTL-time.Since(post.Created), p.o.TTL)
}

// Stats are figures of one node since its start.
type Stats struct {
	Queue   work.QueueStats
	Sent    int64 // messages that push services have taken
	Ended   int64 // subscriptions that were removed because the reader had ended them
	Refused int64 // messages that a push service does not take
}

// Stats returns the figures of this node.
func (p *Publisher) Stats() Stats {
	return Stats{p.queue.Stats(), p.sent.Load(), p.ended.Load(), p.refused.Load()}
}
