// Package webpush tells readers of key events by notifications (Web Push, RFC 8030), also while they have no page open. A reader presses
// a button on the live page. Its browser subscribes at its push service, and the subscription is kept in the store's records. When a
// post becomes a key event, jobs in the store's records send it to all readers of the channel, on whichever nodes are free.
//
// # Wire
//
// Each message is encrypted for its reader (RFC 8291), and signed by a key of the site (RFC 8292). The key is made once, and all
// nodes share it. The message is JSON for the service worker, worker.js: title, body, tag and time.
//
// # Resuming
//
// A device that was away gets the newest notification of a channel, if its post is not older than Options.TTL. How far a job is stands
// in the store, so another node goes on where one has stopped.
//
// # Options
//
// Contact must be set. The zero value of every other option means its default, except that Private is false then; [Defaults] has it
// true.
//
// # Limits
//
// A message has MaxPayload bytes at most. PerChannel and PerAddress bound the readers. A node sends 160 messages at a time.
package webpush

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Publisher sends notifications. It is a relay whose hub is a queue of jobs. All methods may be called from many goroutines at once.
type Publisher struct {
	*relay.Relay

	feed    *publisher.Feed
	posts   relay.Source
	records motacilla.Records
	client  *outbound.Client
	o       Options
	queue   *work.Queue
	// patience is for one message.
	patience time.Duration
	readers  atomic.Pointer[readers] // is set by Start
	log      *zap.Logger

	sent, ended, refused atomic.Int64
}

var (
	_ publisher.Publisher = (*Publisher)(nil)
	_ publisher.Starter   = (*Publisher)(nil)
	_ publisher.Notifier  = (*Publisher)(nil)
	_ relay.Hub           = (*hub)(nil)
)

// attempts is how often a message is tried that a push service can't take, within about five minutes.
const attempts = 6

// New returns a Publisher. If an option is wrong, the error is a motacilla.ErrInvalid that names it.
func New(kit *relay.Kit, o *Options) (*Publisher, error) {
	p := &Publisher{
		feed: kit.Feed, posts: kit.Source, records: kit.Source.Records(), client: newClient(kit), o: o.withDefaults(), log: kit.Logger,
		patience: pushTimeout,
	}
	err := p.o.validate()
	if err != nil {
		return nil, err
	}
	if p.log == nil {
		p.log = zap.NewNop()
	}
	p.queue = p.newQueue(10*time.Second, 0)
	p.Relay, err = relay.New(kit, &hub{p}, &p.o.Options, relay.Traits{Name: name})
	return p, err
}

// newClient returns the client for push services. It follows no redirects, which lead where no reader has subscribed.
func newClient(kit *relay.Kit) *outbound.Client {
	var o outbound.Options
	if kit.Client != nil {
		o = kit.Client.Options()
	}
	o.Redirects = -1
	return outbound.New(&o)
}

func (p *Publisher) newQueue(backoff, poll time.Duration) *work.Queue {
	return work.NewQueue(p.records, name, p.do, &work.QueueOptions{
		Workers: 8, Attempts: attempts, Backoff: backoff, Poll: poll, Logger: p.log,
	})
}

// Start reads the key of the site from the store, or makes it, and begins to send what is queued.
func (p *Publisher) Start(ctx context.Context) error {
	if err := p.identify(ctx); err != nil {
		return err
	}
	if err := p.queue.Start(ctx); err != nil {
		return err
	}
	return p.Relay.Start(ctx)
}

// identify reads or makes the key.
func (p *Publisher) identify(ctx context.Context) error {
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
	return nil
}

// Shutdown ends sending. What is left is sent after the next start, or by another node.
func (p *Publisher) Shutdown(ctx context.Context) error {
	defer p.client.Close()
	return errors.Join(p.Relay.Shutdown(ctx), p.queue.Shutdown(ctx))
}

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

// hub is what the relay pushes to.
type hub struct{ p *Publisher }

// Push tells of the posts of an update that are key events. An error is the store's. A reset has all posts of the page, also those
// that were there before the publisher began.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	for _, r := range m.Renders {
		if !r.Show || r.Revision <= m.From || time.Since(r.Created) >= h.p.o.TTL {
			continue
		}
		if err := h.p.Tell(ctx, m.Channel, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// Figures are those of one node since its start.
type Figures struct {
	Queue   work.QueueStats
	Sent    int64 // messages that push services have taken
	Ended   int64 // subscriptions that were removed because the reader had ended them
	Refused int64 // messages that a push service does not take
}

// Figures returns the figures of this node.
func (p *Publisher) Figures() Figures {
	return Figures{p.queue.Stats(), p.sent.Load(), p.ended.Load(), p.refused.Load()}
}
