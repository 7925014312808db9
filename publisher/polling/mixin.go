// Package polling delivers updates to readers that ask for them. With interval polling, each answer comes at once. With long
// polling, an answer waits for something new. The package is the reference implementation of the publisher port, and follows
// Wagtail Live's PollingPublisherMixin (wagtail_live/publishers/polling.py). Each route has two protocols: Wagtail Live's own,
// so that its client works unchanged, and GET ?since=REVISION, which is answered with updates.
//
// # Wire
//
// The routes are interval-polling/{channel_id}/ and long-polling/{channel_id}/. GET ?since is answered with an update. GET
// ?last_update_ts and POST are answered with Wagtail Live's JSON. Answers of interval polling have an ETag, so that a cache in
// front can answer nearly all requests. A request to long polling may name its round; then a cache in front can make one request
// of those of all readers. docs/wire.md, docs/caching.md and docs/wagtail-live.md have the rest.
//
// # Resuming
//
// Each request has the reader's cursor: as a revision in ?since, or in seconds in ?last_update_ts.
//
// # Options
//
// {type: interval-polling, path: ..., interval: ...}, {type: long-polling, path: ..., hold: ..., timeout: ...,
// goroutine_per_connection: ...}, and a logger.
//
// # Limits
//
// With interval polling, a reader sees an update with its next request. A held request with ?since costs a socket and a table
// entry, over HTTP/2 and TLS 1.2 a goroutine too. Wagtail Live's client can have no posts but the newest 500 (polling.window).
//
// [Mixin] is what both have in common. A polling publisher of your own can embed it.
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
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Mixin is what polling publishers have in common, like Wagtail Live's PollingPublisherMixin: the route, the handshake,
// the reading of cursors, and a shutdown that answers held requests. Embed it, and set Path, Name, Feed and Get before the
// first request. Fields must not be changed after that. Its methods may be called from many goroutines at once.
type Mixin struct {
	Path string          // the route's pattern, with {channel_id} (url_path)
	Name string          // the route's name, and the publisher's in metrics (url_name)
	Feed *publisher.Feed // the source of updates

	// Get answers GET requests (get). It is a field because an embedded type cannot call the methods of the outer one.
	Get func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID)
	// Head answers HEAD requests; nil means 405.
	Head func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID)
	// Refuse answers a request that the guard refused; nil means [Mixin.Fail].
	Refuse func(w http.ResponseWriter, r *http.Request, err error)

	OpenAPI  []byte        // describes the route, see [route.Route]; nil leaves it undescribed
	Interval time.Duration // the handshake's pollingInterval; 0 leaves it out
	Logger   *zap.Logger   // gets the errors that readers do not see; nil logs nothing

	known   sync.Once
	allowed []compress.Coding // see codings

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

// Post answers the handshake of Wagtail Live's client (post) with the IDs of the posts, newest first, and the client's first
// timestamp.
func (m *Mixin) Post(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	window, err := publisher.WagtailOf(m.Feed).Window(r.Context(), ch)
	var access motacilla.Access
	if err == nil {
		access, err = m.Feed.Readable(r, ch, window.Head)
	}
	if err != nil {
		m.Fail(w, r, err)
		return
	}
	body, in := m.ofWindow(window, 0, "handshake "+m.Interval.String(), forAll(access, m.wanted(r)), func() []byte {
		return appendHandshake(nil, window, m.Interval)
	})
	m.mark(w.Header(), body, in)
	m.Write(w, body)
}

// Updates returns the body of an answer to Wagtail Live's client: what has changed after the revision, the IDs of all posts,
// and the client's next timestamp, which is that of head. A revision beyond the head counts as the head. The bytes are shared
// and must not be changed.
func (m *Mixin) Updates(ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision) (
	body []byte, head motacilla.Revision, err error,
) {
	window, err := publisher.WagtailOf(m.Feed).Window(ctx, ch)
	if err != nil {
		return nil, 0, err
	}
	body, _ = m.updates(window, after, compress.Identity)
	return body, window.Head, nil
}

// updates returns [Mixin.Updates] of a window in the coding that is wanted, or without one, and in which it is.
func (m *Mixin) updates(
	w *publisher.Window, after motacilla.Revision, wanted compress.Coding,
) ([]byte, compress.Coding) {
	after = settle(w, after)
	return m.ofWindow(w, after, "updates", wanted, func() []byte { return appendUpdates(nil, w, after) })
}

// Fail answers with a problem document for err. Internal errors are logged.
func (m *Mixin) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader is gone
	}
	if route.ProblemOf(err).Status == http.StatusInternalServerError && m.Logger != nil {
		m.Logger.Error("poll failed", zap.String("channel", r.PathValue("channel_id")), zap.Error(err))
	}
	route.WriteError(w, r, err)
}

// Write answers 200 with a JSON body, in one write. Cache-Control is no-store, unless it is set already. The connection is
// closed if the reader takes nothing for FeedOptions.Stall.
func (m *Mixin) Write(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if m.isDraining() {
		h.Set("Connection", "close") // so that the reader's next request goes to another server
	}
	// The deadline is the connection's, and would apply to later answers too. So flush now, and then remove it.
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
