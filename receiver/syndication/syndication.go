// Package syndication is the receiver of feeds: Atom, RSS, JSON Feed, and the channels of another Motacilla. New, changed and
// withdrawn entries become posts that name their source.
//
// # Source
//
// The receiver asks for each feed from time to time, on one node at a time. It obeys ETag, Last-Modified, Retry-After and the
// feed's own wishes. If a feed has a hub, the hub tells of changes at once (WebSub, https://www.w3.org/TR/websub/). A channel of
// another Motacilla is followed all the time, by package client.
//
// # Repeats
//
// The message ID of a post is the ID of the entry, and its version grows with each change that a feed shows. An entry that is
// read twice, on several nodes or after a hub has told it, is one post. A post that was removed here stays removed.
//
// # Options
//
// See [Options]. docs/feeds.md explains each.
//
// # Limits
//
// A feed has at most 8 MiB. Of its entries the newest max_entries are looked at, 100 by default and at most 500. The text of
// a post has at most 52 KiB; a longer one loses its marks and is cut. A post has at most 10 images.
package syndication

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Name is the receiver's type in the configuration, and the Source of its posts unless Options.Name is another one.
const Name = "syndication"

// The bounds of the options.
const (
	minInterval = 30 * time.Second
	mostEntries = 500
)

// Options are the receiver's settings. A zero Name, Interval or MaxEntries means the default of [Defaults].
type Options struct {
	Name       string        `key:"name" doc:"name of this entry of receivers; each entry of the type needs its own"`
	Feeds      []string      `key:"feeds" required:"true" doc:"URL=CHANNEL of each feed; motacilla+URL=CHANNEL for another Motacilla"`
	Interval   time.Duration `key:"interval" min:"30s" doc:"how often a feed is asked for, unless it wants to be asked less often"`
	Backfill   int           `key:"backfill" min:"0" max:"500" doc:"how many of the entries that a feed has at first become posts"`
	MaxEntries int           `key:"max_entries" min:"1" max:"500" doc:"how many of a feed's newest entries are looked at"`
	Full       bool          `key:"full" doc:"posts have the entry's whole content, not its summary"`
	Images     bool          `key:"images" doc:"posts have the entry's images"`
	Withdraw   bool          `key:"withdraw" doc:"an entry that a feed has withdrawn is removed here too"`
	Backdate   bool          `key:"backdate" doc:"posts have the time at which the entry was published"`
	Hints      bool          `key:"hints" doc:"obey the feed's own ttl and sy:updatePeriod"`
	WebSub     bool          `key:"websub" doc:"subscribe to the feed's hub, if it has one and the server has a public URL"`
	Credit     string        `key:"credit" doc:"what the source line says instead of the feed's title"`
	Token      string        `key:"token" secret:"true" doc:"token for private channels of another Motacilla"`
}

// Defaults are the settings of an app that does not configure them. Feeds has no default.
func Defaults() *Options {
	return &Options{
		Name: Name, Interval: 2 * time.Minute, Backfill: 10, MaxEntries: 100,
		Full: true, Images: true, Withdraw: true, Hints: true, WebSub: true,
	}
}

// Receiver watches feeds. Its methods may be called from many goroutines at once.
type Receiver struct {
	kit    *receiver.Kit
	o      Options
	in     *receiver.Ingest
	files  *receiver.Files
	log    *zap.Logger
	states states
	feeds  []*feed
	peers  []*peer
	hook   *receiver.Hook
	hubs   caller

	stop context.CancelFunc
	all  sync.WaitGroup
}

var (
	_ receiver.Receiver = (*Receiver)(nil)
	_ receiver.Starter  = (*Receiver)(nil)
	_ receiver.Stopper  = (*Receiver)(nil)
	_ receiver.Sourced  = (*Receiver)(nil)
)

var names = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// New returns a receiver of the feeds in o. The error is an ErrInvalid that names the option. log may be nil.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	if log == nil {
		log = zap.NewNop()
	}
	r := &Receiver{kit: kit, log: log, hubs: kit.Client}
	if o != nil {
		r.o = *o
	}
	if err := r.o.complete(); err != nil {
		return nil, err
	}
	list, err := parseFeeds(r.o.Feeds)
	if err != nil {
		return nil, err
	}
	r.in = receiver.NewIngest(kit.Sink, r.o.Name, nil)
	r.files = receiver.NewFiles(r.in, kit, receiver.FetchURL(kit.Client), log)
	r.states = states{kit.Records, r.o.Name + "/"}
	for _, t := range list {
		if t.peer == "" {
			r.feeds = append(r.feeds, newFeed(r, t))
			continue
		}
		p, err := newPeer(r, t)
		if err != nil {
			return nil, err
		}
		r.peers = append(r.peers, p)
	}
	r.hook = &receiver.Hook{
		Receiver: r.o.Name, Verify: anyone, Handle: r.push, MaxBody: maxBody, Metrics: kit.Metrics, Room: kit.Room, Logger: log,
	}
	return r, nil
}

func (o *Options) complete() error {
	d := Defaults()
	if o.Name == "" {
		o.Name = d.Name
	}
	if o.Interval == 0 {
		o.Interval = d.Interval
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = d.MaxEntries
	}
	switch {
	case !names.MatchString(o.Name):
		return motacilla.Invalid("name", "must be 1 to 32 characters of a-z, 0-9 and -")
	case o.Interval < minInterval:
		return motacilla.Invalid("interval", "must be at least %v", minInterval)
	case o.MaxEntries < 1 || o.MaxEntries > mostEntries:
		return motacilla.Invalid("max_entries", "must be 1 to %d", mostEntries)
	case o.Backfill < 0 || o.Backfill > mostEntries:
		return motacilla.Invalid("backfill", "must be 0 to %d", mostEntries)
	}
	return nil
}

// Source implements receiver.Sourced.
func (r *Receiver) Source() string { return r.o.Name }

// URLs returns the route that hubs call.
func (r *Receiver) URLs() []route.Route {
	return []route.Route{{
		Name: "websub-" + r.o.Name, Pattern: r.callbackPath("{" + route.Secret + "}"), Handler: http.HandlerFunc(r.serveHub),
	}}
}

func (r *Receiver) callbackPath(id string) string { return "/hooks/" + r.o.Name + "/websub/" + id }

// Start begins to watch.
func (r *Receiver) Start(ctx context.Context) error {
	if err := r.files.Start(ctx); err != nil {
		return err
	}
	watching, stop := context.WithCancel(context.Background())
	r.stop = stop
	watch := func(key string, do func(context.Context)) {
		name := "syndication/" + r.o.Name + "/" + key
		r.all.Go(func() {
			work.Hold(watching, r.kit.Records, name, nil, func(ctx context.Context, _ *work.Term) { do(ctx) })
		})
	}
	for _, f := range r.feeds {
		watch(f.key, f.watch)
	}
	for _, p := range r.peers {
		watch(p.key, p.watch)
	}
	watch("subscriptions", r.leaveHubs)
	return nil
}

// Shutdown ends watching. What was not taken is taken after the next start, or by another node.
func (r *Receiver) Shutdown(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	done := make(chan struct{})
	go func() { defer close(done); r.all.Wait() }()
	err := r.files.Shutdown(ctx)
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}

// Refresh asks for every feed now, whatever its schedule says, and returns when their entries are posts. Channels of another
// Motacilla are followed all the time, so Refresh does nothing for them. The errors are joined; an ErrInvalid says that a feed
// can't be read.
func (r *Receiver) Refresh(ctx context.Context) error {
	var all []error
	for _, f := range r.feeds {
		if err := f.poll(ctx); err != nil {
			all = append(all, fmt.Errorf("%s: %w", f.url, err))
		}
	}
	return errors.Join(all...)
}
