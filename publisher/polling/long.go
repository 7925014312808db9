package polling

import (
	"context"
	_ "embed" // for openapi-long.json
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/zap"
)

// LongOptions are the settings of [Long]; nil and zero fields mean the defaults.
type LongOptions struct {
	Path       string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"` // long-polling/{channel_id}/
	Timeout    time.Duration `key:"timeout" doc:"how long Wagtail Live's client is held at most"`           // 60s
	Hold       time.Duration `key:"hold" doc:"how long ?since is held; keep it below a proxy's timeout"`    // 25s
	Goroutines bool          `key:"goroutine_per_connection" doc:"a goroutine for each request instead of the epoll engine; costs memory"`
	Logger     *zap.Logger   // nil logs nothing
}

// Long delivers by long polling, after Wagtail Live's LongPollingPublisher: a request waits until there is something
// new, or its time is up. A request with ?since waits on the bare socket of its connection, where there is one (see
// [publisher.Polls]); others cost their goroutine and a timer. An update wakes all of them, and they share one reading
// of the store and one encoding.
type Long struct {
	Mixin
	timeout, hold time.Duration
	goroutines    bool
	draining      *publisher.Format
	parked        parked
}

var _ publisher.Publisher = (*Long)(nil)

// NewLong returns long polling of feed.
func NewLong(feed *publisher.Feed, o *LongOptions) *Long {
	options := o.withDefaults()
	p := &Long{
		Mixin:   Mixin{Path: options.Path, Name: longName, Feed: feed, Logger: options.Logger, OpenAPI: longOpenAPI},
		timeout: options.Timeout, hold: options.Hold, goroutines: options.Goroutines,
		draining: withNextPoll("long-polling, draining", comeBack),
	}
	p.Mixin.Get, p.Mixin.Refuse = p.get, p.refuse
	return p
}

// longOpenAPI describes the route.
//
//go:embed openapi-long.json
var longOpenAPI []byte

const (
	longName = "long-polling"
	comeBack = time.Second // a reader that was sent away by a drain waits so long, with jitter of its own
)

func (o *LongOptions) withDefaults() LongOptions {
	var d LongOptions
	if o != nil {
		d = *o
	}
	if d.Path == "" {
		d.Path = longName + "/{channel_id}/"
	}
	if d.Timeout <= 0 {
		d.Timeout = time.Minute
	}
	if d.Hold <= 0 {
		d.Hold = 25 * time.Second
	}
	return d
}

func (p *Long) get(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	q, err := parseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		p.refuse(w, r, err)
	case q.wagtail:
		p.updates(w, r, ch, q.cursor)
	default:
		p.since(w, r, ch, q.cursor)
	}
}

// since answers with an update: at once where there is one, when it comes, or with a heartbeat when the time is up.
func (p *Long) since(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) {
	hold := p.hold
	if r.URL.Query().Get("hold") == "0" { // a reader that wants to know at once whether long polling works
		hold = 0
	}
	if hold > 0 && !p.goroutines {
		if done, step, err := p.park(w, r, ch, cursor); done {
			if step != nil {
				p.Feed.Metrics().Of(p.Name).Deliveries.Add(1)
				p.Write(w, step.Encode(publisher.JSON))
			} else if err != nil {
				p.Fail(w, r, err)
			}
			return
		}
	}
	slot, err := p.Feed.Acquire(r, ch)
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	defer slot.Release() // if the next one is not reached
	ctx, release := p.Hold(r, hold)
	defer release()
	stats := p.Feed.Metrics().Of(p.Name)
	stats.Readers.Add(1)
	step, err := p.Feed.Next(ctx, ch, cursor)
	stats.Readers.Add(-1)
	slot.Release()
	format := publisher.JSON
	if over, drained := ended(ctx, err); over {
		if step, err = p.idle(r.Context(), ch, cursor); drained {
			format = p.draining
		}
	}
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	if !step.Heartbeat() {
		if _, err := p.Feed.Readable(r, ch, step.Revision); err != nil {
			step = p.Feed.Idle(ch, cursor) // the reader comes back, and is told
		}
	}
	if !step.Heartbeat() {
		stats.Deliveries.Add(1)
	}
	p.Write(w, step.Encode(format))
}

// idle is the answer when the time is up. The request may not have got as far as waiting, so what memory has is asked
// once more.
func (p *Long) idle(ctx context.Context, ch motacilla.ChannelID, cursor motacilla.Revision) (*publisher.Delta, error) {
	step, err := p.Feed.Since(ctx, ch, cursor)
	if errors.Is(err, motacilla.ErrUnavailable) || errors.Is(err, motacilla.ErrClosed) {
		return p.Feed.Idle(ch, cursor), nil
	}
	return step, err
}

// updates answers Wagtail Live's client, which asks again at once whatever the answer: what would be an error of the
// store is a timeout when the time is up.
func (p *Long) updates(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, last motacilla.Revision) {
	slot, err := p.Feed.Acquire(r, ch)
	if err != nil {
		p.late(w, r, err)
		return
	}
	defer slot.Release()
	ctx, release := p.Hold(r, p.timeout)
	defer release()
	stats := p.Feed.Metrics().Of(p.Name)
	stats.Readers.Add(1)
	body, head, err := p.wait(ctx, ch, last)
	stats.Readers.Add(-1)
	slot.Release()
	over, _ := ended(ctx, err)
	forbidden := false
	if err == nil {
		_, wrong := p.Feed.Readable(r, ch, head)
		forbidden = wrong != nil
	}
	switch {
	case over, forbidden: // who may not read it any more is told on coming back
		p.Write(w, []byte(timedOut))
	case err != nil:
		p.late(w, r, err)
	default:
		stats.Deliveries.Add(1)
		p.Write(w, body)
	}
}

// wait returns the body that follows last, and its head, when there is one. While the store is out of reach it goes on
// waiting.
func (p *Long) wait(ctx context.Context, ch motacilla.ChannelID, last motacilla.Revision) (
	body []byte, head motacilla.Revision, err error,
) {
	for settled := false; ; {
		err = func() error {
			if !settled { // a timestamp beyond the head counts as the head that was there when the client asked
				window, err := publisher.WagtailOf(p.Feed).Window(ctx, ch)
				if err != nil {
					return err
				}
				last, settled = min(last, window.Head), true
			}
			_, err := publisher.WagtailOf(p.Feed).Wait(ctx, ch, last)
			return err
		}()
		if err == nil {
			body, head, err = p.Updates(ctx, ch, last)
		}
		if !errors.Is(err, motacilla.ErrUnavailable) {
			return body, head, err
		}
		select {
		case <-time.After(jitter()):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// refuse answers an error: late where Wagtail Live's client asked, else at once.
func (p *Long) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if q, _ := parseQuery(r.URL.RawQuery); q.wagtail && r.Method == http.MethodGet {
		p.late(w, r, err)
		return
	}
	p.Fail(w, r, err)
}

// late answers an error after 1 to 3 s, or at once in a drain: Wagtail Live's client asks again without a pause.
func (p *Long) late(w http.ResponseWriter, r *http.Request, err error) {
	p.enter() // the guard's refusals come from outside
	defer p.leave()
	ctx, release := p.Hold(r, jitter())
	<-ctx.Done()
	release()
	p.Fail(w, r, err)
}

func jitter() time.Duration { return time.Second + rand.N(2*time.Second) }

// ended reports whether err says that the waiting is over, and not that something is wrong; drained, that this is
// because the server stops.
func ended(ctx context.Context, err error) (over, drained bool) {
	if errors.Is(err, motacilla.ErrClosed) {
		return true, true
	}
	if err == nil || ctx.Err() == nil {
		return false, false
	}
	cause := context.Cause(ctx)
	drained = errors.Is(cause, motacilla.ErrClosed)
	return drained || errors.Is(cause, context.DeadlineExceeded), drained
}
