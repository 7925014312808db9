// Package r3labspublisher is a publisher on the server of github.com/r3labs/sse. It shows what that library's server does,
// and what has to be added, so that readers get what Motacilla promises. It costs several times as much as
// publisher/sse (docs/sse.md has the figures), so no app has it unless it takes the module,
//
//	app.Main(memory.Module, r3labspublisher.Module)
//
// and the configuration chooses it: publishers: [{type: r3labs-sse}].
//
// Each reader has a stream of the library to itself, because each reader lacks something else after its cursor. With
// AutoReplay off, the library sends events with the IDs that it is given, which are revisions.
package r3labspublisher

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/r3labs/sse/v2"
)

// Options are the publisher's settings.
type Options struct {
	Path string `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`

	// Paced has each event written, within feed.stall, before the next one is made. Without it, the library's queue of 64
	// events fills up for a reader that takes nothing, and nothing ends that reader's connection.
	Paced bool `key:"paced" doc:"write each event, within feed.stall, before the next one is made; false leaves it to the library"`
}

const name = "r3labs-sse"

// Module registers the publisher as "r3labs-sse".
var Module = publisher.Register(name, defaults(), New)

func defaults() *Options { return &Options{Path: name + "/{channel_id}/", Paced: true} }

// Publisher delivers by server-sent events, which r3labs' server writes.
type Publisher struct {
	options Options
	streams *publisher.Streams
	server  *sse.Server
	readers atomic.Uint64 // how many there have been; names their streams
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher of feed. nil options are those of the configuration's defaults.
func New(feed *publisher.Feed, o *Options) *Publisher {
	if o == nil {
		o = defaults()
	}
	server := sse.New()
	server.AutoReplay = false // events keep their IDs, and the library keeps no events
	server.BufferSize = 1     // of a stream, before the 64 of its subscriber
	server.Headers["Cache-Control"] = "no-store"
	server.Headers["X-Accel-Buffering"] = "no" // otherwise nginx would delay events
	return &Publisher{
		options: *o, server: server,
		streams: publisher.NewStreams(feed, &publisher.Wire{Name: name, Format: publisher.JSON}),
	}
}

// URLs returns the one route.
func (p *Publisher) URLs() []route.Route {
	return []route.Route{{Name: name, Pattern: p.options.Path, Handler: http.HandlerFunc(p.serve)}}
}

// Shutdown ends all streams and waits for them. The library then has none left.
func (p *Publisher) Shutdown(ctx context.Context) error { return p.streams.Shutdown(ctx) }

func (p *Publisher) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet) {
		return
	}
	ch, err := route.ChannelID(r)
	var since motacilla.Revision
	if err == nil {
		since, err = cursor(r)
	}
	var stream *publisher.Stream
	if err == nil {
		stream, err = p.streams.Open(r, ch, since)
	}
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	defer stream.Close()
	p.carry(w, r, stream)
}

// cursor returns Last-Event-ID, or ?since if there is none. A malformed Last-Event-ID leads to a reset, because EventSource
// never reconnects after a 400.
func cursor(r *http.Request) (motacilla.Revision, error) {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		return route.Since(r)
	}
	since, err := motacilla.ParseRevision(id)
	if err != nil {
		return 0, nil //nolint:nilerr // see above
	}
	return since, nil
}

// carry has the library answer the request, in this goroutine, while another one follows the channel.
func (p *Publisher) carry(w http.ResponseWriter, r *http.Request, stream *publisher.Stream) {
	id := strconv.FormatUint(p.readers.Add(1), 10)
	p.server.CreateStream(id)
	// The library's stream must outlive its subscriber, or the goroutine that waits for the end of the request never ends.
	defer p.server.RemoveStream(id)

	a := newAnswer(w)
	defer a.retire()
	there, cut := context.WithCancel(r.Context())
	defer cut()
	defer stream.OnCut(cut)()
	defer context.AfterFunc(there, a.breakOff)()
	subscribed, unsubscribe := context.WithCancel(there)

	var end publisher.End
	var follower sync.WaitGroup
	follower.Go(func() {
		defer unsubscribe()
		end = p.follow(subscribed, stream, id, a)
	})
	p.server.ServeHTTP(a, request(subscribed, r, id))
	unsubscribe()
	follower.Wait()
	if end == publisher.EndDrain {
		a.writeRetry()
	}
}

// request returns the request that the library answers with a stream. The library would refuse some Last-Event-IDs.
func request(ctx context.Context, r *http.Request, stream string) *http.Request {
	r = r.Clone(ctx)
	r.URL.RawQuery = url.Values{"stream": {stream}}.Encode()
	r.Header.Del("Last-Event-ID")
	return r
}

// follow publishes what the reader gets on the library's stream, until the reader or the stream ends.
func (p *Publisher) follow(ctx context.Context, stream *publisher.Stream, id string, a *answer) publisher.End {
	if a.written(ctx) != nil { // the header, which is written when the library has the subscriber
		return publisher.EndLeft
	}
	retry := retryTime()
	end := stream.Run(ctx, func(d *publisher.Delta) error {
		event := &sse.Event{ID: []byte(d.Revision.String()), Data: d.Encode(publisher.JSON), Retry: retry}
		retry = nil // the first event alone has it
		if !p.options.Paced {
			p.server.Publish(id, event)
			return nil
		}
		a.allow(p.streams.Stall())
		defer a.rest()
		p.server.Publish(id, event)
		return a.written(ctx)
	})
	a.allow(p.streams.Stall()) // for what is still to be written
	return end
}

// retryTime returns how long a reader must wait before it comes back, in milliseconds: 1 to 4 s, so that not all readers
// come back at once.
func retryTime() []byte {
	return strconv.AppendInt(nil, (time.Second + rand.N(3*time.Second)).Milliseconds(), 10)
}
