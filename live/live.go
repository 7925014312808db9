// Package live is a whole live site as one value for any Go program: without fx, without configuration and without a
// listener of its own.
//
//	l, err := live.New(live.Options{
//		Store: store,
//		Publishers: func(p *live.Parts) []publisher.Publisher {
//			return []publisher.Publisher{sse.New(p.Feed, nil), polling.NewLong(p.Feed, nil)}
//		},
//		BasePath: "/news/live",
//	})
//	mux.Handle("/news/live/", l)
//	err = l.Start(ctx)
//	defer l.Shutdown(ctx)
//
// It has the live pages, the publishers, the receivers, the hook that authorises, and limits. Nothing in it is global: two
// of them may run in one process. Package app is built from it.
package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

// Live is a live site. It is an http.Handler that must be mounted at its base path and everything below. It must be started
// before the first request.
type Live struct {
	*Parts

	has      Composition
	owns     bool // the parts were made by New
	table    *route.Table
	limited  func(http.Handler) http.Handler // puts a handler behind the limit on requests
	metrics  *metrics
	compress *compressor
	started  int // receivers
	relays   []*relay.Relay
	draining atomic.Bool
	drained  atomic.Bool // no publisher has anything left to end
	hidden   sync.Once   // an error that middleware causes is logged once
}

// Composition is what a site has beside its parts.
type Composition struct {
	Publishers []Named[publisher.Publisher] // in the order in which readers are offered them
	Receivers  []Named[receiver.Receiver]
	Routes     []route.Route // see Options.Routes
	Operations []route.Route // see Options.Operations
}

// Named is a publisher or a receiver.
type Named[P any] struct {
	At   string // names it in errors, such as "publishers[0] (sse)"
	Name string // of the transport that a publisher delivers by, as readers are offered it
	It   P
}

// New returns the live site that o describes. The error says which option is wrong, or which routes claim the same path or
// name.
func New(o Options) (*Live, error) {
	p, err := NewParts(o)
	if err != nil {
		return nil, err
	}
	c := Composition{Routes: o.Routes, Operations: o.Operations}
	if o.Publishers != nil {
		for i, it := range o.Publishers(p) {
			if it == nil {
				return nil, fmt.Errorf("live: Publishers must not have a nil, as at %d", i)
			}
			c.Publishers = append(c.Publishers, named("publisher", i, it, it.URLs()))
		}
	}
	if o.Receivers != nil {
		for i, it := range o.Receivers(p) {
			if it == nil {
				return nil, fmt.Errorf("live: Receivers must not have a nil, as at %d", i)
			}
			c.Receivers = append(c.Receivers, named("receiver", i, it, it.URLs()))
		}
	}
	l, err := p.Compose(c)
	if err != nil {
		return nil, err
	}
	l.owns = true
	return l, nil
}

func named[P any](kind string, i int, it P, routes []route.Route) Named[P] {
	n := Named[P]{At: fmt.Sprintf("%s %d (%T)", kind, i, it), It: it}
	if len(routes) > 0 && routes[0].Name != "" {
		n.Name = routes[0].Name
		n.At = fmt.Sprintf("%s %q", kind, n.Name)
	}
	return n
}

// Compose returns the live site that has c and p. The publishers and receivers of c must be made from p. Whoever calls
// Compose must also start and close the feed of p.
func (p *Parts) Compose(c Composition) (*Live, error) {
	l := &Live{Parts: p, has: c, compress: newCompressor(p.options.Compression)}
	var err error
	if l.metrics, err = newMetrics(p); err != nil {
		return nil, err
	}
	if err = l.limit(); err == nil {
		err = l.mount()
	}
	if err != nil {
		l.metrics.withdraw()
		return nil, err
	}
	return l, nil
}

// Routes returns all routes. Their patterns have the base path.
func (l *Live) Routes() []route.Route { return l.table.Routes() }

// URL returns the path of the route of that name, as [route.Table.URL] does. It has the base path.
func (l *Live) URL(name string, params ...string) (string, error) {
	return l.table.URL(name, params...)
}

// Start starts the feed, the receivers and the publishers. ctx is for the start only. If something can't be started, Start
// ends what it has started, and returns an error that names it. The site can't be started again then.
func (l *Live) Start(ctx context.Context) error {
	err := l.start(ctx)
	if err == nil {
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout) // ctx may have ended, and be the cause
	defer cancel()
	return errors.Join(err, l.Shutdown(ending))
}

// undoTimeout is how long Start waits for the end of what it has started.
const undoTimeout = 10 * time.Second

func (l *Live) start(ctx context.Context) error {
	if l.owns {
		if err := l.Feed.Start(ctx); err != nil {
			return err
		}
	}
	if err := l.startShared(ctx); err != nil {
		return err
	}
	for i, r := range l.has.Receivers {
		if s, ok := r.It.(receiver.Starter); ok {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("start %s: %w", r.At, err)
			}
		}
		l.started = i + 1
	}
	for _, p := range l.has.Publishers {
		if s, ok := p.It.(publisher.Starter); ok {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("start %s: %w", p.At, err)
			}
		}
	}
	return nil
}

// Drain ends streams and answers parked requests; new ones are refused. Call it beside http.Server.Shutdown, which waits
// for requests and does not know hijacked connections. It may be called again.
func (l *Live) Drain(ctx context.Context) error {
	l.draining.Store(true)
	errs := make([]error, len(l.has.Publishers))
	var all sync.WaitGroup
	for i, p := range l.has.Publishers {
		all.Go(func() {
			if err := p.It.Shutdown(ctx); err != nil {
				errs[i] = fmt.Errorf("shut down %s: %w", p.At, err)
			}
		})
	}
	all.Wait()
	err := errors.Join(errs...)
	l.drained.Store(err == nil)
	return err
}

// Shutdown drains, stops the receivers and closes the feed. It does not close the store. If Drain was called and has not
// returned, Shutdown waits for what Drain waits for. It returns when no goroutine of the site is left, or when ctx has ended.
func (l *Live) Shutdown(ctx context.Context) error {
	var errs []error
	if !l.drained.Load() {
		errs = append(errs, l.Drain(ctx))
	}
	for _, r := range slices.Backward(l.has.Receivers[:l.started]) {
		if s, ok := r.It.(receiver.Stopper); ok {
			if err := s.Shutdown(ctx); err != nil {
				errs = append(errs, fmt.Errorf("shut down %s: %w", r.At, err))
			}
		}
	}
	errs = append(errs, l.stopShared(ctx))
	if l.owns {
		errs = append(errs, l.Feed.Close())
	}
	l.metrics.withdraw()
	return errors.Join(errs...)
}

// Ready returns nil if the site can serve readers: an ErrClosed while it drains, or the store's error if the store does
// not answer a ping.
func (l *Live) Ready(ctx context.Context) error {
	if l.draining.Load() {
		return fmt.Errorf("draining: %w", motacilla.ErrClosed)
	}
	return l.Store.Ping(ctx)
}
