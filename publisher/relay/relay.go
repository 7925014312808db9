// Package relay pushes the updates of all channels to a hub that holds the connections of readers, such as Mercure or Pusher. It
// is the port of publishers that push outward: an adapter is only the call to its hub.
//
//	func New(kit *relay.Kit, o *Options) (*relay.Relay, error) {
//		return relay.New(kit, &hub{…}, &o.Options, relay.Traits{Name: "mercure"})
//	}
//
// # What a hub gets
//
// Of each channel, in order, updates that follow each other: each begins at the revision at which the last one ended, which is
// kept in the store's records. One node at a time pushes. If it dies, another goes on where it was, so the hub may get again
// what it has. What can't be pushed is merged with what comes later, as for a slow reader: nothing waits but the channel's ID.
//
// The hub needs no history. It may lose, double and reorder: an update says from which revision it begins, so a reader
// (motacilla.View) that lacks something asks the origin. An update that is too large for the hub is replaced by a notice, which
// only says how far the channel is.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Hub takes updates for readers that are connected to it. Push is called by several goroutines at once, but by one at a time for
// each channel. It must not return nil before the hub has the message. It must return soon after ctx ends. Push gets a message
// again if it has failed, perhaps merged with newer ones, or if the node has died.
//
// An error says that the hub does not take messages now: all channels wait, and one attempt is made now and then; one from
// [work.RetryAfter] says for how long. An error from [work.Permanent] says that the hub works, but will never take this message.
// [ErrUnfinished] says that it works, and has a part of the message, which is pushed again at once. [Call] makes errors of the answers
// of a hub that speaks HTTP.
type Hub interface {
	Push(ctx context.Context, m *Message) error
}

// ErrUnfinished is for messages that are many calls: there was no time for all of them.
var ErrUnfinished = errors.New("the hub has only a part of the message so far")

// Message is an update for a hub.
type Message struct {
	*publisher.Delta

	// Term is greater if the message comes from a later leader: a fencing token. Within a term, and a channel, Revision says what
	// is newer.
	Term int64
	// Notice says that the update was too large for the hub. The message is a heartbeat at its revision instead. It is not
	// what a reader lacks, so the reader asks the origin.
	Notice bool
}

// ID names the message. It has it again if it is pushed again.
func (m *Message) ID() string {
	return fmt.Sprintf("%s/%d-%d", m.Channel, m.From, m.Revision)
}

// Options are the settings that all relays have. An adapter embeds them in its own. Zero fields mean the defaults.
type Options struct {
	// Name is what the relay is called in the store, in metrics and in logs. It must be another one for each relay of a site, and
	// must stay the same: a relay of a new name begins with what happens from then on.
	Name     string        `key:"name" max:"64" doc:"of the relay in the store, in metrics and logs; each needs another one"` // the adapter's
	Channels []string      `key:"channels" doc:"only channels whose ID matches one of these patterns, such as match-*"`       // all
	Private  bool          `key:"private" doc:"private channels too; the hub must then keep out who may not read them"`
	Pushes   int           `key:"pushes" min:"1" max:"256" doc:"pushes at a time, each of another channel"`                   // 8
	Timeout  time.Duration `key:"timeout" min:"10ms" doc:"of a push"`                                                         // 3s
	Backoff  time.Duration `key:"backoff" min:"10ms" doc:"the longest pause between attempts while the hub takes no updates"` // 1s
}

// Defaults returns the options of an adapter of this name.
func Defaults(name string) Options {
	return Options{Name: name, Pushes: 8, Timeout: 3 * time.Second, Backoff: time.Second}
}

// Traits say what a relay must know of its hub, and are not for the configuration.
type Traits struct {
	Name     string            // of the adapter: the default of Options.Name
	Format   *publisher.Format // in which the hub gets updates; nil is publisher.JSON
	MaxBytes int               // the most that an update may have in Format; 0 is no limit
	// GaveUp is called for what the hub will never take, before the relay goes on. An error has the push tried again. nil: the
	// log tells, and readers get it from the origin, because the next update does not begin at what they hold.
	GaveUp func(ctx context.Context, m *Message, cause error) error
	// Letters says that what the hub will never take is also kept as a [Letter], for somebody to look at and to send again.
	Letters bool
	// Patience is how old an update may be that the hub does not take, until it is given up; 0 is for ever.
	Patience time.Duration
}

// Source is what relays need of a store.
type Source interface {
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)
	Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error)
	Records() motacilla.Records
}

// Kit is what the relays of a site share.
type Kit struct {
	Feed      *publisher.Feed
	Source    Source
	Hubs      *outbound.Client // for addresses that the operator has configured, private ones too; NewClient()
	Client    *outbound.Client // for all other addresses
	PublicURL string           // of the site; empty if it is not configured
	Logger    *zap.Logger
}

// Page returns the URL of a channel's page; empty if the site's URL is not configured.
func (k *Kit) Page(ch motacilla.ChannelID) string {
	if k.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(k.PublicURL, "/") + "/channels/" + url.PathEscape(string(ch))
}

// Target returns a client for one target that comes from outside: as k.Client, but without redirects, and with networks that may be
// called although they are private. The error names the option allow.
func (k *Kit) Target(allow []string, timeout time.Duration) (*outbound.Client, error) {
	var o outbound.Options
	if k.Client != nil {
		o = k.Client.Options()
	}
	o.Allow = slices.Clone(o.Allow)
	for i, text := range allow {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, motacilla.Invalid(fmt.Sprintf("allow[%d]", i), "must be a network such as 10.1.0.0/16, not %q", text)
		}
		o.Allow = append(o.Allow, network)
	}
	o.Redirects, o.Most, o.Timeout, o.Longest = -1, 1<<20, timeout, timeout
	return outbound.New(&o), nil
}

// NewClient returns the client for hubs. It follows no redirects, and calls private addresses too.
func NewClient() *outbound.Client {
	every := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	return outbound.New(&outbound.Options{Allow: every, Redirects: -1, Most: 1 << 20, Idle: 64})
}

// Relay pushes to one hub. It is a publisher.Publisher without routes. An adapter that has some embeds it.
type Relay struct {
	kit    *Kit
	hub    Hub
	o      Options
	traits Traits
	log    *zap.Logger
	stats  Stats

	stop    context.CancelFunc // ends the run; nil before Start
	abandon context.CancelFunc // ends pushes too
	running sync.WaitGroup
}

var (
	_ publisher.Publisher = (*Relay)(nil)
	_ publisher.Starter   = (*Relay)(nil)
)

// names are those that may be a part of the key of a record.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// New returns the relay to hub. It starts nothing. The error is a motacilla.ErrInvalid that names the option.
func New(kit *Kit, hub Hub, o *Options, traits Traits) (*Relay, error) {
	r := &Relay{kit: kit, hub: hub, traits: traits}
	if o != nil {
		r.o = *o
	}
	d := Defaults(traits.Name)
	defaulted(&r.o.Name, d.Name)
	defaulted(&r.o.Pushes, d.Pushes)
	defaulted(&r.o.Timeout, d.Timeout)
	defaulted(&r.o.Backoff, d.Backoff)
	if !names.MatchString(r.o.Name) {
		return nil, motacilla.Invalid("name", "must be 1 to 64 of A-Z a-z 0-9 . _ -, and begin with a letter or digit, not %q", r.o.Name)
	}
	for i, pattern := range r.o.Channels {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return nil, motacilla.Invalid(fmt.Sprintf("channels[%d]", i), "must be a pattern such as match-*, not %q", pattern)
		}
	}
	if r.traits.Format == nil {
		r.traits.Format = publisher.JSON
	}
	r.log = kit.Logger
	if r.log == nil {
		r.log = zap.NewNop()
	}
	r.log = r.log.With(zap.String("relay", r.o.Name))
	r.stats.name = r.o.Name
	r.stats.delivered = kit.Feed.Metrics().Of(r.o.Name)
	return r, nil
}

func defaulted[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// URLs returns no routes.
func (r *Relay) URLs() []route.Route { return nil }

// Relays returns the relay: see [Relays].
func (r *Relay) Relays() []*Relay { return []*Relay{r} }

// Name returns what the relay is called.
func (r *Relay) Name() string { return r.o.Name }

// leaseTTL is after how long another node leads if the leader has died. A leader that can't reach the store for most of it stops.
const leaseTTL = 15 * time.Second

// Start lets the relay push as soon as no other node does.
func (r *Relay) Start(context.Context) error {
	run, stop := context.WithCancel(context.Background())
	pushes, abandon := context.WithCancel(context.Background())
	r.stop, r.abandon = stop, abandon
	options := &work.HoldOptions{TTL: leaseTTL, Logger: r.log}
	r.running.Go(func() {
		work.Hold(run, r.kit.Source.Records(), "relay/"+r.o.Name, options, func(ctx context.Context, t *work.Term) {
			r.lead(ctx, pushes, t)
		})
	})
	return nil
}

// Shutdown ends the relay. Pushes that are under way come to their end, unless ctx ends before. What is not pushed is pushed
// after the next start, or by another node.
func (r *Relay) Shutdown(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	undo := context.AfterFunc(ctx, r.abandon)
	defer undo()
	r.running.Wait()
	r.abandon()
	return nil
}

// matches reports whether the relay is for the channel.
func (r *Relay) matches(ch motacilla.ChannelID) bool {
	for _, pattern := range r.o.Channels {
		if ok, _ := path.Match(pattern, string(ch)); ok {
			return true
		}
	}
	return len(r.o.Channels) == 0
}
