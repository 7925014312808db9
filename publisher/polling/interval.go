package polling

import (
	_ "embed" // for openapi-interval.json
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/internal/coded"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// IntervalOptions are the settings of [Interval]; nil and zero fields mean the defaults.
type IntervalOptions struct {
	Path     string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"` // interval-polling/{channel_id}/
	Interval time.Duration `key:"interval" min:"1ms" doc:"how often readers ask"`                         // 3s
	Logger   *zap.Logger   // nil logs nothing
}

// Interval delivers by interval polling, like Wagtail Live's IntervalPollingPublisher. Readers ask every few seconds and are
// answered at once. All readers of a public channel that are up to date ask for the same URL, so that a cache in front of
// the server can answer nearly all of them.
type Interval struct {
	Mixin
	format *coded.Format
}

var _ publisher.Publisher = (*Interval)(nil)

// NewInterval returns interval polling of feed.
func NewInterval(feed *publisher.Feed, o *IntervalOptions) *Interval {
	options := o.withDefaults()
	p := &Interval{
		Mixin: Mixin{
			Path: options.Path, Name: intervalName, Feed: feed, Interval: options.Interval, Logger: options.Logger,
			OpenAPI: intervalOpenAPI,
		},
	}
	p.format = coded.New(withNextPoll("interval-polling", options.Interval), p.codings())
	p.Mixin.Get, p.Mixin.Head = p.get, p.head
	return p
}

const intervalName = "interval-polling"

// intervalOpenAPI describes the route.
//
//go:embed openapi-interval.json
var intervalOpenAPI []byte

// SharedCaching is the Cache-Control of interval polling's answers on public channels: shared caches keep them for a second.
const SharedCaching = "public, max-age=0, s-maxage=1, stale-while-revalidate=1"

// Cache-Control of answers that shared caches may keep, and of those that nobody may keep.
const (
	cachedByAll  = SharedCaching
	cachedByNone = "private, no-store"
)

func (o *IntervalOptions) withDefaults() IntervalOptions {
	var d IntervalOptions
	if o != nil {
		d = *o
	}
	if d.Path == "" {
		d.Path = intervalName + "/{channel_id}/"
	}
	if d.Interval <= 0 {
		d.Interval = 3 * time.Second
	}
	return d
}

func (p *Interval) get(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	q, err := parseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		p.Fail(w, r, err)
	case q.wagtail:
		p.updates(w, r, ch, q.cursor)
	default:
		p.since(w, r, ch, q.cursor)
	}
}

func (p *Interval) updates(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, last motacilla.Revision) {
	window, err := publisher.WagtailOf(p.Feed).Window(r.Context(), ch)
	var access motacilla.Access
	if err == nil {
		access, err = p.Feed.Readable(r, ch, window.Head)
	}
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	body, in := p.Mixin.updates(window, last, forAll(access, p.wanted(r)))
	p.mark(w.Header(), body, in)
	p.Feed.Metrics().Of(p.Name).Deliveries.Add(1)
	p.Write(w, body)
}

// since answers with an update. Its ETag is made of the cursor, the head, the interval and the coding.
func (p *Interval) since(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) {
	if p.unchanged(w, r, ch, cursor) {
		p.Feed.Polled(ch, p.Interval)
		return
	}
	delta, err := p.Feed.Since(r.Context(), ch, cursor)
	var access motacilla.Access
	if err == nil {
		access, err = p.Feed.Readable(r, ch, delta.Revision)
	}
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	p.Feed.Polled(ch, p.Interval)
	h := w.Header()
	switch {
	case delta.Gone || access == "":
		h.Set("Cache-Control", "no-store")
	case access == motacilla.Public:
		h.Set("Cache-Control", cachedByAll)
	default:
		h.Set("Cache-Control", cachedByNone)
	}
	body, in := p.format.Encode(delta, forAll(access, p.wanted(r)))
	p.mark(h, body, in)
	tag := p.tag(cursor, delta.Revision, in)
	h.Set("ETag", tag)
	if route.Unchanged(r, tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if !delta.Heartbeat() {
		p.Feed.Metrics().Of(p.Name).Deliveries.Add(1)
	}
	p.Write(w, body)
}

// unchanged answers a reader that is up to date, if its If-None-Match says so. Most polls are like that. It does not read the
// store.
func (p *Interval) unchanged(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) bool {
	if len(r.Header["If-None-Match"]) == 0 {
		return false
	}
	tag := p.tag(cursor, cursor, compress.Identity) // too short for a coding
	if !route.Unchanged(r, tag) {
		return false
	}
	access, unchanged := p.Feed.Unchanged(ch, cursor)
	public := access == motacilla.Public
	if !unchanged || !public && route.GrantOf(r).WhilePublic {
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", cachedByNone)
	if public {
		h.Set("Cache-Control", cachedByAll)
	}
	h.Set("ETag", tag)
	w.WriteHeader(http.StatusNotModified)
	return true
}

// tag returns the entity tag of the answer that leads from cursor to head.
func (p *Interval) tag(cursor, head motacilla.Revision, in compress.Coding) string {
	var space [64]byte
	tag := append(space[:0], '"')
	tag = strconv.AppendInt(tag, int64(cursor), 10)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, int64(head), 10)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, p.Interval.Milliseconds(), 10)
	if in != compress.Identity {
		tag = append(append(tag, '-'), in...)
	}
	return string(append(tag, '"'))
}

// head answers Wagtail Live's client, which asks whether there is something new.
func (p *Interval) head(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	if _, err := parseQuery(r.URL.RawQuery); err != nil {
		p.Fail(w, r, err)
		return
	}
	channel, err := p.Feed.Channel(r.Context(), ch)
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	p.Feed.Polled(ch, p.Interval) // its requests for what is new come besides
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Last-Update-At", channel.Head.Timestamp())
	w.WriteHeader(http.StatusOK)
}
