// Package sse delivers updates as server-sent events (HTML standard, section 9.2). Each event is an update. It has no
// event field, and its id is the update's revision.
//
// # Wire
//
// GET sse/{channel_id}/ is answered with a stream. Its first event comes at once. After 15 s of silence comes a heartbeat,
// which is an event that scripts can see. Errors before the stream are problem+json. A reader that accepts gzip or zstd gets
// the stream compressed: each event by itself, once for all readers. docs/sse.md has the rest.
//
// # Resuming
//
// A reader resumes with Last-Event-ID, which a browser's EventSource sends by itself, or with ?since. When the server ends
// a stream, the field retry says when to come back.
//
// # Options
//
// {type: sse, path: ..., lifetime: ..., goroutine_per_connection: ...}, and a logger.
//
// # Limits
//
// Each reader has a connection. Over HTTP/1.1, plain or with TLS 1.3, it costs a socket and a table entry, otherwise a
// goroutine too. A browser opens six connections to a host, or a hundred streams over HTTP/2.
package sse

import (
	"context"
	_ "embed" // for openapi.json
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the publisher's settings; nil and zero fields mean the defaults.
type Options struct {
	Path       string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`         // sse/{channel_id}/
	Lifetime   time.Duration `key:"lifetime" min:"1ms" doc:"a connection ends after this and up to a quarter more"` // 8m
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

// event is the format of an update. The JSON has neither CR nor LF, so that none of its fields can end the event or begin
// another one.
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
	plain   *form
	codings []compress.Coding
	coded   map[compress.Coding]*form // of codings
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher of feed.
func New(feed *publisher.Feed, o *Options) *Publisher {
	p := &Publisher{options: o.withDefaults(), coded: make(map[compress.Coding]*form)}
	p.plain = newForm(nil, p.options.Lifetime)
	for _, s := range compress.Streams(compress.Known(feed.Options().Compression)) {
		p.codings = append(p.codings, s.Coding)
		p.coded[s.Coding] = newForm(s, p.options.Lifetime)
	}
	p.streams = publisher.NewStreams(feed, p.plain.wire)
	return p
}

// URLs returns the route of one channel and, if the path allows it, the route of several.
func (p *Publisher) URLs() []route.Route {
	routes := []route.Route{{Name: name, Pattern: p.options.Path, Handler: http.HandlerFunc(p.serve), OpenAPI: openAPI}}
	if path := publisher.ManyPath(p.options.Path); path != "" {
		routes = append(routes, route.Route{
			Name: name + "-many", Pattern: path, Handler: http.HandlerFunc(p.serveMany), OpenAPI: manyOpenAPI, Many: true,
		})
	}
	return routes
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
	form := p.formFor(r)
	var stream *publisher.Stream
	if err == nil {
		stream, err = p.streams.OpenAs(r, ch, since, form.wire)
	}
	if m, is := publisher.MoveOf(err); is {
		move(w, m)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.setHeader(w.Header(), form)
	if r.ProtoMajor == 1 {
		p.hijack(w, r, stream, form)
		return
	}
	p.answer(w, r, &single{stream, form, form.hello(nil, stream)}, form)
}

func setHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // otherwise nginx would delay events
}

func (p *Publisher) setHeader(h http.Header, f *form) {
	setHeader(h)
	if len(p.codings) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
	if f.coding != compress.Identity {
		h.Set("Content-Encoding", string(f.coding))
	}
}

// move answers a reader that is to use another transport with a stream of one event, of the type transport. An EventSource whose
// script does not know that comes again. It would not after a 503.
func move(w http.ResponseWriter, m publisher.Move) {
	b := []byte("retry: " + strconv.Itoa(1000*m.Retry) + "\nevent: transport\ndata: ")
	b = append(append(b, m.JSON()...), "\n\n"...)
	setHeader(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
}

// cursor returns Last-Event-ID, or ?since if there is none. A malformed Last-Event-ID leads to a reset, because EventSource
// never reconnects after a 400.
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

// retry appends the field that says how long the reader must wait before it comes back. The time is random, so that not all
// readers come back at once.
func retry(dst []byte, least, most time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, (least + rand.N(most-least)).Milliseconds(), 10)
	return append(dst, '\n')
}

// closeMessage returns a retry field, if the reader should come back.
func closeMessage(why publisher.End) []byte {
	switch why {
	case publisher.EndDrain:
		return append(retry(nil, time.Second, 5*time.Second), '\n')
	case publisher.EndLifetime:
		return append(retry(nil, 100*time.Millisecond, 2*time.Second), '\n')
	}
	return nil
}

// Shutdown ends all streams with a close message, spread over up to 3 s.
func (p *Publisher) Shutdown(ctx context.Context) error { return p.streams.Shutdown(ctx) }
