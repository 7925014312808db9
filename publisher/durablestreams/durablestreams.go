// Package durablestreams delivers updates by the Durable Streams protocol (https://github.com/durable-streams/durable-streams,
// PROTOCOL.md), so that its clients read channels. Each channel is a stream of JSON messages, and each message is an update.
//
// # Wire
//
// GET durable-streams/{channel_id}/ is answered with an array of at most one update, at once, or with ?live=long-poll when there is
// one. With ?live=sse it is answered with server-sent events. HEAD is answered with the stream's end. Readers can't write: any
// other method is a 405. docs/durable-streams.md has the rest.
//
// # Resuming
//
// The parameter offset is a revision, with zeros in front. -1 is the beginning, which is a reset; so is the answer to an offset that
// the store does not know. now is the end.
//
// # Options
//
// {type: durable-streams, path: ..., hold: ..., lifetime: ..., goroutine_per_connection: ...}, and a logger. The configuration has to
// name the publisher: it is not on by default.
//
// # Limits
//
// A stream over HTTP/1.1, plain or with TLS 1.3, costs a socket and a table entry. A held request costs a goroutine.
package durablestreams

import (
	"context"
	_ "embed" // for openapi.json
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/internal/coded"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the publisher's settings; nil and zero fields mean the defaults.
type Options struct {
	// Path defaults to durable-streams/{channel_id}/.
	Path       string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`
	Hold       time.Duration `key:"hold" min:"1ms" doc:"how long a long-poll request is held; keep it below a proxy's timeout"` // 25s
	Lifetime   time.Duration `key:"lifetime" min:"1ms" doc:"a stream of events ends after this and up to a quarter more"`       // 1m
	Goroutines bool          `key:"goroutine_per_connection" doc:"a goroutine for each stream instead of the epoll engine; costs memory"`
	Logger     *zap.Logger   // nil logs nothing
}

// OnlyNamed says that the publisher is used only if the configuration names it.
func (*Options) OnlyNamed() bool { return true }

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Path == "" {
		d.Path = name + "/{channel_id}/"
	}
	if d.Hold <= 0 {
		d.Hold = 25 * time.Second
	}
	if d.Lifetime <= 0 {
		d.Lifetime = time.Minute // as the protocol recommends
	}
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	return d
}

const name = "durable-streams"

// openAPI describes the route.
//
//go:embed openapi.json
var openAPI []byte

// messages is the format of an update as a JSON array of the stream's messages.
var messages = &publisher.Format{Name: name, Append: appendMessages}

func appendMessages(dst []byte, u *motacilla.Update) []byte {
	dst = append(dst, '[')
	if !u.Heartbeat() {
		dst = u.AppendJSON(dst)
	}
	return append(dst, ']')
}

// Publisher delivers by the Durable Streams protocol.
type Publisher struct {
	options Options
	feed    *publisher.Feed
	polls   polling.Mixin // of requests that are answered whole
	bodies  *coded.Format

	streams *publisher.Streams
	plain   *form
	codings []compress.Coding
	coded   map[compress.Coding]*form // of codings
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher of feed.
func New(feed *publisher.Feed, o *Options) *Publisher {
	p := &Publisher{options: o.withDefaults(), feed: feed, coded: make(map[compress.Coding]*form)}
	p.polls = polling.Mixin{Path: p.options.Path, Name: name, Feed: feed, Get: p.get, Head: p.head, Logger: p.options.Logger}
	known := compress.Known(feed.Options().Compression)
	p.bodies = coded.New(messages, known)
	p.plain = newForm(nil, p.options.Lifetime)
	for _, s := range compress.Streams(known) {
		p.codings = append(p.codings, s.Coding)
		p.coded[s.Coding] = newForm(s, p.options.Lifetime)
	}
	p.streams = publisher.NewStreams(feed, p.plain.wire)
	return p
}

// URLs returns the one route.
func (p *Publisher) URLs() []route.Route {
	handler := p.polls.URLs()[0].Handler
	return []route.Route{{Name: name, Pattern: p.options.Path, OpenAPI: openAPI,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if route.Allow(w, r, http.MethodGet, http.MethodHead) {
				handler.ServeHTTP(w, r)
			}
		})}}
}

// protect sets the headers that the protocol recommends for browsers. Scripts of other origins read by CORS, which
// Cross-Origin-Resource-Policy does not concern. Errors have the first one from package route.
func protect(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (p *Publisher) get(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	q, err := parseQuestion(r.URL.Query())
	if err == nil && q.now {
		var channel motacilla.Channel
		channel, err = p.feed.Channel(r.Context(), ch)
		q.since = channel.Head
	}
	switch {
	case err != nil:
		p.polls.Fail(w, r, err)
	case q.live == longPoll:
		p.longPoll(w, r, ch, q)
	case q.live == sse:
		p.stream(w, r, ch, q)
	default:
		p.catchUp(w, r, ch, q)
	}
}

// Shutdown ends all streams, spread over up to 3 s, and answers held requests.
func (p *Publisher) Shutdown(ctx context.Context) error {
	var streams error
	var both sync.WaitGroup
	both.Go(func() { streams = p.streams.Shutdown(ctx) })
	polls := p.polls.Shutdown(ctx)
	both.Wait()
	return errors.Join(streams, polls)
}
