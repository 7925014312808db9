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
	"github.com/motacilla-live/motacilla/publisher/internal/coded"
	"go.uber.org/zap"
)

// LongOptions are the settings of [Long]; nil and zero fields mean the defaults.
type LongOptions struct {
	// Path defaults to long-polling/{channel_id}/.
	Path       string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`
	Timeout    time.Duration `key:"timeout" min:"1ms" doc:"how long a request of Wagtail Live's client is held"`                  // 60s
	Hold       time.Duration `key:"hold" min:"1ms" doc:"how long a request with ?since is held; keep it below a proxy's timeout"` // 25s
	Goroutines bool          `key:"goroutine_per_connection" doc:"a goroutine per request, not the epoll engine; costs memory"`
	Logger     *zap.Logger   // nil logs nothing
}

// Long delivers by long polling, like Wagtail Live's LongPollingPublisher. A request is held until there is something new or
// its time is up. A request with ?since is parked on the epoll engine, if possible (see [publisher.Polls]). Others wait in
// their goroutine. An update answers all of them, with one read of the store and one encoding.
type Long struct {
	Mixin
	timeout, hold time.Duration
	goroutines    bool
	full          *publisher.Format // of an answer to a request for which there was no slot
	format        *coded.Format
	parked        parked
}

var _ publisher.Publisher = (*Long)(nil)

// NewLong returns long polling of feed.
func NewLong(feed *publisher.Feed, o *LongOptions) *Long {
	options := o.withDefaults()
	p := &Long{
		Mixin:   Mixin{Path: options.Path, Name: longName, Feed: feed, Logger: options.Logger, OpenAPI: longOpenAPI},
		timeout: options.Timeout, hold: options.Hold, goroutines: options.Goroutines,
		full: withNextPoll("long-polling, full", unheldPause),
	}
	p.format = coded.New(publisher.JSON, p.codings())
	p.Mixin.Get, p.Mixin.Refuse = p.get, p.refuse
	return p
}

// longOpenAPI describes the route.
//
//go:embed openapi-long.json
var longOpenAPI []byte

const longName = "long-polling"

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

// since answers with an update: at once if there is one, otherwise when one comes. When the time is up, it answers with a
// heartbeat.
func (p *Long) since(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision) {
	query := r.URL.Query()
	round, err := roundOf(query)
	if err != nil {
		p.Fail(w, r, err)
		return
	}
	hold, first := p.hold, query.Get("hold") == "0" // the reader wants to know whether long polling works
	if first || p.past(cursor, round) {
		hold = 0
	}
	if hold > 0 && !p.goroutines {
		if done, delta, err := p.park(w, r, ch, cursor, round); done {
			if delta != nil {
				p.answer(w, r, delta, round, publisher.EndLifetime)
			} else if err != nil {
				p.noSlot(w, r, ch, cursor, err)
			}
			return
		}
	}
	asked := p.Feed.Options().Clock.Now()
	delta, why, err := p.wait(r, ch, cursor, hold)
	if err != nil {
		p.noSlot(w, r, ch, cursor, err)
		return
	}
	if !delta.Heartbeat() {
		if _, err := p.Feed.Readable(r, ch, delta.Revision); err != nil {
			delta, why = p.Feed.Idle(ch, cursor), publisher.EndForbidden // the reader asks again, and is refused
		}
	}
	if first && why == publisher.EndLifetime {
		why = publisher.EndLeft
	}
	p.answer(w, r, delta, round, why)
	p.Feed.Answered(p.Name, asked, delta)
}

// wait returns what follows cursor. If nothing comes, it returns a heartbeat, and why it waited no longer.
func (p *Long) wait(r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, hold time.Duration) (
	delta *publisher.Delta, why publisher.End, err error,
) {
	slot, err := p.Feed.Acquire(r, ch)
	if err != nil {
		return nil, 0, err
	}
	defer slot.Release()
	ctx, release := p.Hold(r, hold)
	defer release()
	stats := p.Feed.Metrics().Of(p.Name)
	stats.Readers.Add(1)
	defer stats.Readers.Add(-1)
	delta, err = p.Feed.Next(ctx, ch, cursor)
	over, drained := ended(ctx, err)
	if !over {
		return delta, publisher.EndLeft, err
	}
	why = publisher.EndLifetime
	if drained {
		why = publisher.EndDrain
	}
	delta, err = p.idle(r.Context(), ch, cursor)
	return delta, why, err
}

// answer writes an answer to ?since. why says why a heartbeat comes now. EndLeft means that the request was not to be held.
func (p *Long) answer(w http.ResponseWriter, r *http.Request, delta *publisher.Delta, round int64, why publisher.End) {
	news := !delta.Heartbeat()
	if news {
		p.Feed.Metrics().Of(p.Name).Deliveries.Add(1)
	}
	if mayShare(r, round) && why != publisher.EndForbidden {
		w.Header().Set("Cache-Control", sharing(news))
	}
	if news && why != publisher.EndDrain {
		body, in := p.format.Encode(delta, p.wanted(r))
		p.mark(w.Header(), body, in)
		p.Write(w, body)
		return
	}
	p.Write(w, p.appendIdle(nil, delta.Update, round, why))
}

// idle returns the answer when the time is up. The request may not have begun to wait, so the feed is asked once more.
func (p *Long) idle(ctx context.Context, ch motacilla.ChannelID, cursor motacilla.Revision) (*publisher.Delta, error) {
	delta, err := p.Feed.Since(ctx, ch, cursor)
	if errors.Is(err, motacilla.ErrUnavailable) || errors.Is(err, motacilla.ErrClosed) {
		return p.Feed.Idle(ch, cursor), nil
	}
	return delta, err
}

// updates answers Wagtail Live's client, which asks again at once, whatever the answer is. If the store is out of reach, the
// request waits until its time is up, and is answered as if nothing had happened.
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
	window, last, err := p.waitForChange(ctx, ch, last)
	stats.Readers.Add(-1)
	slot.Release()
	over, _ := ended(ctx, err)
	forbidden := false
	var access motacilla.Access
	if err == nil {
		var wrong error
		access, wrong = p.Feed.Readable(r, ch, window.Head)
		forbidden = wrong != nil
	}
	switch {
	case over, forbidden: // a reader that has lost its permission is refused when it asks again
		p.Write(w, []byte(timedOut))
	case err != nil:
		p.late(w, r, err)
	default:
		stats.Deliveries.Add(1)
		body, in := p.Mixin.updates(window, last, forAll(access, p.wanted(r)))
		p.mark(w.Header(), body, in)
		p.Write(w, body)
	}
}

// waitForChange waits for a change after last, and returns the window that has it, and last as the request meant it. It also
// waits for a store that is out of reach.
func (p *Long) waitForChange(ctx context.Context, ch motacilla.ChannelID, last motacilla.Revision) (
	window *publisher.Window, after motacilla.Revision, err error,
) {
	for settled := false; ; {
		err = func() error {
			if !settled { // a timestamp beyond the head counts as the head at the time of the request
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
			window, err = publisher.WagtailOf(p.Feed).Window(ctx, ch)
		}
		if !errors.Is(err, motacilla.ErrUnavailable) {
			return window, last, err
		}
		select {
		case <-time.After(jitter()):
		case <-ctx.Done():
			return nil, last, ctx.Err()
		}
	}
}

// refuse answers with an error: late if Wagtail Live's client asked, otherwise at once.
func (p *Long) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if q, _ := parseQuery(r.URL.RawQuery); q.wagtail && r.Method == http.MethodGet {
		p.late(w, r, err)
		return
	}
	p.Fail(w, r, err)
}

// late answers with an error after 1 to 3 s, because Wagtail Live's client asks again without a pause. In a drain it answers
// at once.
func (p *Long) late(w http.ResponseWriter, r *http.Request, err error) {
	p.enter() // the guard's refusals do not pass through serve
	defer p.leave()
	ctx, release := p.Hold(r, jitter())
	<-ctx.Done()
	release()
	p.Fail(w, r, err)
}

func jitter() time.Duration { return time.Second + rand.N(2*time.Second) }

// ended reports whether err only means that the request is no longer held, and whether that is because of a drain.
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
