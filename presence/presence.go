package presence

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the settings. nil and zero fields mean the defaults.
type Options struct {
	Node   string        // names this node to editors, such as the name of its machine; by default it is a random text
	Every  time.Duration // how often readers are counted; 2 s
	TTL    time.Duration // how long the counts of a node last that has died; 5 s, at least twice Every. An editor lasts twice as long
	Logger *zap.Logger   // nil logs nothing
}

// Source is what counts the readers of this node. *publisher.Feed is one.
type Source interface {
	Readers(list []publisher.ChannelReaders) ([]publisher.ChannelReaders, publisher.NodeReaders)
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
}

// Presence counts the readers of a node and adds those of other nodes. It must be started.
type Presence struct {
	o       Options
	id      string // of this node, since it was started
	source  Source
	records motacilla.Records
	api     *rest.API

	now     atomic.Pointer[tally] // of this node
	counter counter
	writer  writer
	peaks   peaks

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns a Presence that keeps counts in records. authorize is asked who may see them.
func New(source Source, records motacilla.Records, authorize route.Authorizer, o *Options) *Presence {
	p := &Presence{source: source, records: records, id: newID()}
	if o != nil {
		p.o = *o
	}
	p.o.Node = cmp.Or(p.o.Node, p.id)
	if p.o.Every <= 0 {
		p.o.Every = 2 * time.Second
	}
	if p.o.TTL <= 0 {
		p.o.TTL = 5 * time.Second
	}
	p.o.TTL = max(p.o.TTL, 2*p.o.Every)
	if p.o.Logger == nil {
		p.o.Logger = zap.NewNop()
	}
	p.api = rest.New(authorize, p.o.Logger)
	p.now.Store(&tally{})
	p.counter = counter{source: source, every: p.o.Every}
	p.writer = writer{records: records, id: p.id, name: p.o.Node, ttl: p.o.TTL}
	p.peaks = peaks{p: p, by: map[motacilla.ChannelID]*peak{}}
	return p
}

func newID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// Start begins to count.
func (p *Presence) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.running.Go(func() { p.run(ctx) })
	p.running.Go(func() { p.follow(ctx) })
	return nil
}

// Shutdown ends the counting, and has the other nodes forget the readers of this one.
func (p *Presence) Shutdown(ctx context.Context) error {
	if p.stop == nil {
		return nil
	}
	p.stop()
	p.running.Wait()
	_ = p.writer.remove(ctx) // otherwise the counts expire
	return nil
}

// callTimeout is for the calls to the store of one round.
const callTimeout = 10 * time.Second

// restFactor: a round of reading what other nodes have counted is followed by a rest of so many times as long as it took.
const restFactor = 10

// run counts the readers of this node, and writes that.
func (p *Presence) run(ctx context.Context) {
	ticker := time.NewTicker(p.o.Every)
	defer ticker.Stop()
	failing := false
	for {
		t := p.counter.count(time.Now())
		p.now.Store(t)
		err := p.round(ctx, func(ctx context.Context) error { return p.writer.write(ctx, t) })
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			failing = failed
			if failing {
				p.o.Logger.Warn("the number of readers can't be stored; it is tried again", zap.Error(err))
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// follow looks for what was the most. It has a goroutine of its own: counts expire if they are not written in time.
func (p *Presence) follow(ctx context.Context) {
	for {
		began := time.Now()
		if err := p.round(ctx, p.peaks.look); err != nil && ctx.Err() == nil {
			p.o.Logger.Debug("the most readers can't be stored; it is tried again", zap.Error(err))
		}
		select {
		case <-time.After(max(p.o.Every, restFactor*time.Since(began))):
		case <-ctx.Done():
			return
		}
	}
}

func (p *Presence) round(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return do(ctx)
}

// URLs returns the routes readers, channel-readers and channel-editors.
func (p *Presence) URLs() []route.Route {
	at := func(name, path string, methods ...rest.Method) route.Route {
		return route.Route{Name: name, Pattern: path, Handler: p.api.Handler(methods...), OpenAPI: described[path]}
	}
	return []route.Route{
		at("readers", "/api/readers", rest.Method{Name: http.MethodGet, Action: route.Write, Serve: p.getAll}),
		at("channel-readers", "/api/channels/{channel_id}/readers",
			rest.Method{Name: http.MethodGet, Action: route.Draft, Serve: p.getChannel}),
		at("channel-editors", "/api/channels/{channel_id}/editors",
			rest.Method{Name: http.MethodGet, Action: route.Draft, Serve: p.getEditors},
			rest.Method{Name: http.MethodPut, Action: route.Draft, Often: true, Serve: p.putEditor}),
	}
}
