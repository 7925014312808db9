// Package polling delivers updates to readers who ask: interval polling, where each answer comes at once, and long
// polling, where the answer waits for something new. It is the reference implementation of the publisher port, after
// Wagtail Live's PollingPublisherMixin (wagtail_live/publishers/polling.py), and speaks two wires on one path: Wagtail
// Live's own, whose client keeps working unchanged, and GET ?since=REVISION, whose answers are updates.
//
// # Wire
//
// GET ?since is answered with an update, GET ?last_update_ts and POST with Wagtail Live's JSON, on interval-polling/ and
// long-polling/{channel_id}/. Interval polling has an ETag, so that a cache in front answers nearly all who ask.
// docs/wire.md and docs/wagtail-live.md have the rest.
//
// # Resuming
//
// Each request says where it goes on: by ?since, or in seconds by ?last_update_ts.
//
// # Options
//
// The route's path; of interval polling how often readers ask, {type: interval-polling, path: ..., interval: ...}; of long
// polling how long requests are held, and the general way of holding them, {type: long-polling, path: ..., hold: ...,
// timeout: ..., general: ...}. A logger.
//
// # Limits
//
// A reader sees an update as late as its next request. One that waits with ?since costs its socket alone where the
// connection is bare, else a goroutine. Wagtail Live's client can hold the newest 500 posts (polling.window).
//
// [Mixin] is what the two have in common, to be embedded by anybody's own.
package polling

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Mixin is what polling publishers have in common, after Wagtail Live's PollingPublisherMixin: the route, the
// handshake, the reading of cursors, and a shutdown that answers whoever waits. Embed it, and fill Path, Name, Feed and
// Get before the first request; nothing is changed after that. Its methods may be called from many goroutines at once.
type Mixin struct {
	Path string          // the route's pattern, with {channel_id} (url_path)
	Name string          // the route's name, and the publisher's in metrics (url_name)
	Feed *publisher.Feed // what is delivered

	// Get answers GET requests (get). It is a field since embedding does not dispatch.
	Get func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID)
	// Head answers HEAD requests; nil means 405.
	Head func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID)
	// Refuse answers a request that the guard refused; nil means [Mixin.Fail].
	Refuse func(w http.ResponseWriter, r *http.Request, err error)

	OpenAPI  []byte        // describes the route, see [route.Route]; nil leaves it undescribed
	Interval time.Duration // the handshake's pollingInterval; 0 leaves it out
	Logger   *zap.Logger   // gets the errors that readers do not see; nil logs nothing

	mu       sync.Mutex
	draining bool
	waiting  map[*hold]struct{}
	serving  int
	idle     chan struct{} // closed when draining and serving is 0; made by Shutdown
}

// URLs returns the one route (get_urls).
func (m *Mixin) URLs() []route.Route {
	refuse := m.Refuse
	if refuse == nil {
		refuse = m.Fail
	}
	return []route.Route{{Name: m.Name, Pattern: m.Path, Handler: http.HandlerFunc(m.serve), Refuse: refuse, OpenAPI: m.OpenAPI}}
}

func (m *Mixin) serve(w http.ResponseWriter, r *http.Request) {
	m.enter()
	defer m.leave()
	if m.Head != nil && !route.Allow(w, r, http.MethodGet, http.MethodPost, http.MethodHead) ||
		m.Head == nil && !route.Allow(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	ch, err := route.ChannelID(r)
	switch {
	case err != nil && m.Refuse != nil:
		m.Refuse(w, r, err)
	case err != nil:
		m.Fail(w, r, err)
	case r.Method == http.MethodPost:
		m.Post(w, r, ch)
	case r.Method == http.MethodHead:
		m.Head(w, r, ch)
	default:
		m.Get(w, r, ch)
	}
}

// Post is the handshake of Wagtail Live's client (post): the posts there are, newest first, and the timestamp to go on
// from.
func (m *Mixin) Post(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	window, err := publisher.WagtailOf(m.Feed).Window(r.Context(), ch)
	if err == nil {
		_, err = m.Feed.Readable(r, ch, window.Head)
	}
	if err != nil {
		m.Fail(w, r, err)
		return
	}
	m.Write(w, appendHandshake(nil, window, m.Interval))
}

// Updates is the body of Wagtail Live's answer: what changed after the revision, which posts there are, and the
// timestamp to go on from, which is of head. A revision beyond the head counts as the head. The bytes are shared: nobody
// changes them.
func (m *Mixin) Updates(ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision) (
	body []byte, head motacilla.Revision, err error,
) {
	window, err := publisher.WagtailOf(m.Feed).Window(ctx, ch)
	if err != nil {
		return nil, 0, err
	}
	after = settle(window, after)
	return window.Encode(after, func() []byte { return appendUpdates(nil, window, after) }), window.Head, nil
}

// Fail answers with the problem that err is; one that is nobody's fault but ours is logged.
func (m *Mixin) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader is gone
	}
	if route.ProblemOf(err).Status == http.StatusInternalServerError && m.Logger != nil {
		m.Logger.Error("poll failed", zap.String("channel", r.PathValue("channel_id")), zap.Error(err))
	}
	route.WriteError(w, r, err)
}

// Write answers 200 with a JSON body, in one write, no-store unless Cache-Control is set already. A reader that takes
// nothing for FeedOptions.Stall is closed.
func (m *Mixin) Write(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if m.isDraining() {
		h.Set("Connection", "close") // so that the reader comes back to a server that stays
	}
	// The deadline is the connection's, and would outlive the answer: flush under it, then take it back.
	rc := http.NewResponseController(w)
	bounded := rc.SetWriteDeadline(time.Now().Add(m.Feed.Options().Stall)) == nil
	_, err := w.Write(body)
	if !bounded {
		return
	}
	if err == nil {
		err = rc.Flush()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		m.Feed.Metrics().Of(m.Name).SlowClosed.Add(1)
		return
	}
	_ = rc.SetWriteDeadline(time.Time{})
}
