// Package sse delivers updates as server-sent events (HTML standard, section 9.2): each event is an update, a plain
// message without an event field, whose id is its revision.
//
// # Wire
//
// GET sse/{channel_id}/ is answered with a stream: its first event comes at once, and after 15 s of silence a
// heartbeat, an event that script can see. Errors before the stream are problem+json. docs/sse.md has the rest.
//
// # Resuming
//
// By Last-Event-ID, which a browser's EventSource sends by itself, else by ?since. A reader that is sent away is told by
// the field retry when to come back.
//
// # Options
//
// The route's path, how long a connection lives, and the general way of writing: {type: sse, path: ..., lifetime: ...,
// general: ...}. A logger.
//
// # Limits
//
// One reader is one connection; over HTTP/1.1 without TLS it costs a cursor and its socket, else a goroutine. A browser
// opens six connections to a host, over HTTP/2 a hundred streams.
package sse

import (
	"context"
	_ "embed" // for openapi.json
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the publisher's settings; nil and zero fields mean the defaults.
type Options struct {
	Path       string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"` // sse/{channel_id}/
	Lifetime   time.Duration `key:"lifetime" doc:"a connection ends after this and up to a quarter more"`   // 8m
	Goroutines bool          `key:"goroutine_per_connection" doc:"a goroutine for each connection instead of the epoll engine; costs memory"`
	Logger     *zap.Logger   // nil logs nothing
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Path == "" {
		d.Path = name + "/{channel_id}/"
	}
	if d.Lifetime <= 0 {
		d.Lifetime = 8 * time.Minute
	}
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	return d
}

const name = "sse"

// openAPI describes the route.
//
//go:embed openapi.json
var openAPI []byte

// event is an update as an event. The JSON has neither CR nor LF, so that no field of it can end the event or begin
// another.
var event = &publisher.Format{Name: name, Append: func(dst []byte, u *motacilla.Update) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendInt(dst, int64(u.Revision), 10)
	dst = append(dst, "\ndata: "...)
	dst = u.AppendJSON(dst)
	return append(dst, "\n\n"...)
}}

// Publisher delivers by server-sent events.
type Publisher struct {
	options Options
	streams *publisher.Streams
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher of feed.
func New(feed *publisher.Feed, o *Options) *Publisher {
	p := &Publisher{options: o.withDefaults()}
	p.streams = publisher.NewStreams(feed, &publisher.Wire{
		Name: name, Format: event, Lifetime: p.options.Lifetime, CloseMessage: closeMessage,
	})
	return p
}

// URLs returns the one route.
func (p *Publisher) URLs() []route.Route {
	return []route.Route{{Name: name, Pattern: p.options.Path, Handler: http.HandlerFunc(p.serve), OpenAPI: openAPI}}
}

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
		p.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.ProtoMajor == 1 {
		p.hijack(w, r, stream)
		return
	}
	p.answer(w, r, stream)
}

// cursor is where the reader goes on: Last-Event-ID, else ?since. A malformed Last-Event-ID is a reset, for EventSource
// stops for good at a 400.
func cursor(r *http.Request) (motacilla.Revision, error) {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		since, err := motacilla.ParseRevision(id)
		if err != nil {
			return 0, nil //nolint:nilerr // see above
		}
		return since, nil
	}
	return route.Since(r)
}

func (p *Publisher) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader is gone
	}
	if route.ProblemOf(err).Status == http.StatusInternalServerError {
		p.options.Logger.Error("stream failed", zap.String("channel", r.PathValue("channel_id")), zap.Error(err))
	}
	route.WriteError(w, r, err)
}

// retry is the field that tells the reader how long to wait before it comes back; jitter keeps a crowd apart.
func retry(dst []byte, least, most time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, (least + rand.N(most-least)).Milliseconds(), 10)
	return append(dst, '\n')
}

// hello is the first event.
func hello(dst []byte, s *publisher.Stream) []byte {
	return append(retry(dst, time.Second, 4*time.Second), s.First.Encode(event)...)
}

// closeMessage tells who is to come back when to do so.
func closeMessage(why publisher.End) []byte {
	switch why {
	case publisher.EndDrain:
		return append(retry(nil, time.Second, 5*time.Second), '\n')
	case publisher.EndLifetime:
		return append(retry(nil, 100*time.Millisecond, 2*time.Second), '\n')
	}
	return nil
}

// Shutdown ends all streams, with a close message, spread over up to 3 s.
func (p *Publisher) Shutdown(ctx context.Context) error { return p.streams.Shutdown(ctx) }
