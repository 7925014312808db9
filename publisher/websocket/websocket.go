// Package websocket delivers updates over WebSocket (RFC 6455): each text message is an update. Wagtail Live's client
// for WebSocket understands it too, at /ws/channel/{channel_id}/.
//
// # Wire
//
// GET websocket/{channel_id}/, upgraded, and with another origin than the server's only where that is allowed. The first
// update comes at once; after 15 s of silence come a ping and a heartbeat. What readers send is ignored, up to 4 KiB a
// message. The close codes are 1001, 1002, 1007, 1008, 1009 and 4404, no such channel. docs/websocket.md has the rest.
//
// # Resuming
//
// By ?since, the revision of the last update.
//
// # Options
//
// The route's path, and the general way of writing: {type: websocket, path: ..., general: ...}. The origins, a logger.
//
// # Limits
//
// One reader is one connection; without TLS it costs a cursor and its socket, else two goroutines. More than 100 control
// frames in a second end it. There is no compression: an update is encoded once for all.
//
// The upgrade is gorilla/websocket's, and so is everything on connections that are written to in the general way. On
// the fast one nobody waits for what a reader sends, so its frames are read as they come; see docs/decisions/0006.
package websocket

import (
	"context"
	_ "embed" // for openapi.json
	"errors"
	"net/http"
	"sync"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the publisher's settings; nil and zero fields mean the defaults.
type Options struct {
	Path       string         `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"` // websocket/{channel_id}/
	Goroutines bool           `key:"goroutine_per_connection" doc:"a goroutine for each connection instead of the epoll engine; costs memory"`
	Origins    *route.Origins // who may connect from elsewhere; nil means the own origin alone
	Logger     *zap.Logger    // nil logs nothing
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Path == "" {
		d.Path = name + "/{channel_id}/"
	}
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	return d
}

const (
	name   = "websocket"
	linger = 2 * time.Second // for the peer to answer a close frame

	codeGone = 4404 // no such channel
)

// openAPI describes the route.
//
//go:embed openapi.json
var openAPI []byte

// Publisher delivers over WebSocket.
type Publisher struct {
	options  Options
	feed     *publisher.Feed
	streams  *publisher.Streams
	upgrader gorilla.Upgrader

	mu       sync.Mutex
	refusing map[*gorilla.Conn]struct{} // who was told that there is no such channel, and has not closed yet
	refused  sync.WaitGroup
	stopped  bool
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher of feed.
func New(feed *publisher.Feed, o *Options) *Publisher {
	p := &Publisher{options: o.withDefaults(), feed: feed, refusing: make(map[*gorilla.Conn]struct{})}
	p.streams = publisher.NewStreams(feed, &publisher.Wire{
		Name: name, Format: message, Idle: heartbeat, CloseMessage: closeMessage, Linger: linger, Input: input,
	})
	p.upgrader = gorilla.Upgrader{
		ReadBufferSize: 256, WriteBufferSize: 256, // readers have little to say, and control frames are short
		CheckOrigin: func(*http.Request) bool { return true }, // see allow
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455, section 4.2.2
			route.WriteProblem(w, route.Problem{Status: status, Detail: reason.Error()})
		},
	}
	return p
}

// URLs returns the one route.
func (p *Publisher) URLs() []route.Route {
	return []route.Route{{Name: name, Pattern: p.options.Path, Handler: http.HandlerFunc(p.serve), OpenAPI: openAPI}}
}

// Shutdown ends all streams with close code 1001, spread over up to 3 s.
func (p *Publisher) Shutdown(ctx context.Context) error {
	err := p.streams.Shutdown(ctx)
	p.mu.Lock()
	p.stopped = true
	for conn := range p.refusing {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.refused.Wait()
	return err
}

func (p *Publisher) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet) {
		return
	}
	if !gorilla.IsWebSocketUpgrade(r) {
		p.plain(w, r)
		return
	}
	ch, err := route.ChannelID(r)
	var since motacilla.Revision
	if err == nil {
		since, err = route.Since(r)
	}
	if err == nil {
		r, err = p.allow(r)
	}
	var stream *publisher.Stream
	if err == nil {
		stream, err = p.streams.Open(r, ch, since)
	}
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		p.refuse(w, r, codeGone, "no such channel")
	case err != nil:
		p.fail(w, r, err)
	default:
		p.begin(w, r, stream)
	}
}

// plain answers who asks without an upgrade. A browser's script does so when its WebSocket failed, for it is not told
// why: where the limits are the reason, they are the answer.
func (p *Publisher) plain(w http.ResponseWriter, r *http.Request) {
	ch, err := route.ChannelID(r)
	if err == nil {
		var slot publisher.Slot
		slot, err = p.feed.Acquire(r, ch)
		slot.Release()
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Upgrade", "websocket")
	route.WriteProblem(w, route.Problem{
		Status: http.StatusUpgradeRequired, Detail: "this address speaks WebSocket: connect with ws:// or wss://",
	})
}

// allow is the origin's check. Browsers send cookies with WebSocket whoever asks, so that a page from elsewhere could
// read with them what its visitor may: none counts but from the own origin or one that is listed by name.
func (p *Publisher) allow(r *http.Request) (*http.Request, error) {
	origins, given := r.Header["Origin"]
	origin := ""
	if len(origins) > 0 {
		origin = origins[0]
	}
	cookie := len(r.Header["Cookie"]) > 0
	switch {
	case !given && !cookie: // no browser
		return r, nil
	case len(origins) > 1, !p.options.Origins.Allow(origin, r.Host):
		return r, &forbidden{}
	case cookie && !p.options.Origins.Trusts(origin, r.Host):
		grant := route.GrantOf(r)
		grant.WhilePublic = true
		return route.WithGrant(r, grant), nil
	}
	return r, nil
}

type forbidden struct{}

func (*forbidden) Error() string {
	return "this origin may not connect: server.origins lists those that may"
}

func (*forbidden) Is(target error) bool { return target == motacilla.ErrForbidden }

func (p *Publisher) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader is gone
	}
	if route.ProblemOf(err).Status == http.StatusInternalServerError {
		p.options.Logger.Error("stream failed", zap.String("channel", r.PathValue("channel_id")), zap.Error(err))
	}
	route.WriteError(w, r, err)
}

// refuse upgrades and closes with a code, for a browser's script sees nothing of an answer that is no upgrade.
func (p *Publisher) refuse(w http.ResponseWriter, r *http.Request, code int, reason string) {
	conn, err := p.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(linger))
	if !p.hold(conn) {
		return
	}
	defer p.letGo(conn)
	_ = conn.SetReadDeadline(time.Now().Add(linger))
	conn.SetReadLimit(mostMessage)
	for err == nil {
		_, _, err = conn.NextReader()
	}
}

// hold has Shutdown wait for a connection that is being refused; false where it has been.
func (p *Publisher) hold(conn *gorilla.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.refusing[conn] = struct{}{}
	p.refused.Add(1)
	return true
}

func (p *Publisher) letGo(conn *gorilla.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.refusing, conn)
	p.refused.Done()
}
