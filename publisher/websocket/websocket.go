// Package websocket delivers updates over WebSocket (RFC 6455). Each text message is an update. Wagtail Live's client for
// WebSocket understands it too, at /ws/channel/{channel_id}/.
//
// # Wire
//
// GET websocket/{channel_id}/ upgrades to WebSocket. Requests from other origins must be allowed. The first update comes at
// once. After 15 s of silence come a ping and a heartbeat. Messages of readers are ignored; they may have 4 KiB. The close
// codes are 1001, 1002, 1007, 1008, 1009, 4404 if there is no such channel, and 4503 if the reader is to use another transport.
// With permessage-deflate (RFC 7692), each update is compressed by itself, once for all readers. docs/websocket.md has the rest.
//
// # Resuming
//
// A reader resumes with ?since, the revision of its last update.
//
// # Options
//
// {type: websocket, path: ..., goroutine_per_connection: ...}, the origins, and a logger.
//
// # Limits
//
// Each reader has a connection. Plain or with TLS 1.3 it costs a socket and a table entry, otherwise two goroutines too. A reader
// that sends more than 100 control frames in a second is closed.
//
// gorilla/websocket does the upgrade, and everything on connections that have a goroutine. On the epoll engine there is no
// goroutine that could wait for a whole frame, so frames are read here, piece by piece; see docs/decisions/0006.
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
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the publisher's settings; nil and zero fields mean the defaults.
type Options struct {
	Path       string         `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"` // websocket/{channel_id}/
	Goroutines bool           `key:"goroutine_per_connection" doc:"a goroutine for each connection instead of the epoll engine; costs memory"`
	Origins    *route.Origins // those that may connect besides the server's own; nil means none
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
	linger = 2 * time.Second // how long the peer has to answer a close frame

	codeGone  = 4404 // no such channel
	codeMoved = 4503 // there are too many readers: the reason says which transport to use
)

// openAPI describes the route.
//
//go:embed openapi.json
var openAPI []byte

// Publisher delivers over WebSocket.
type Publisher struct {
	options    Options
	feed       *publisher.Feed
	streams    *publisher.Streams
	many       *publisher.ManyWire
	packedMany *publisher.ManyWire // as packed
	upgrader   gorilla.Upgrader
	plain      *publisher.Wire
	packed     *publisher.Wire // for readers whose messages are compressed; nil if none are
	linger     time.Duration

	mu       sync.Mutex
	refusing map[*gorilla.Conn]struct{} // were told why they get nothing here, and have not closed yet
	refused  sync.WaitGroup
	stopped  bool
}

var _ publisher.Publisher = (*Publisher)(nil)

// New returns the publisher of feed.
func New(feed *publisher.Feed, o *Options) *Publisher { return newLingering(feed, o, linger) }

// newLingering is New with how long the peer has to answer a close frame.
func newLingering(feed *publisher.Feed, o *Options, linger time.Duration) *Publisher {
	p := &Publisher{options: o.withDefaults(), feed: feed, linger: linger, refusing: make(map[*gorilla.Conn]struct{})}
	p.plain = &publisher.Wire{
		Name: name, Form: formPlain, Format: message, Idle: heartbeat, CloseMessage: closeMessage, Linger: linger, Input: input,
		Save: save, Restore: restore,
	}
	p.streams = publisher.NewStreams(feed, p.plain)
	if len(compress.Known(feed.Options().Compression)) > 0 {
		p.packed = &publisher.Wire{
			Name: name, Form: formPacked, Format: deflated, Private: message, Idle: heartbeat,
			CloseMessage: closeMessage, Linger: linger, Input: input, Save: save, Restore: restore,
		}
	}
	p.many = p.manyWire(formPlain, message, nil)
	if p.packed != nil {
		p.packedMany = p.manyWire(formPacked, deflated, message)
	}
	p.upgrader = gorilla.Upgrader{
		ReadBufferSize: 256, WriteBufferPool: &sync.Pool{}, // readers send little, and only control frames are gorilla's to write
		CheckOrigin: func(*http.Request) bool { return true }, // see allow
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455, section 4.2.2
			route.WriteProblem(w, route.Problem{Status: status, Detail: reason.Error()})
		},
	}
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
		p.notUpgraded(w, r)
		return
	}
	upgrader, packed := p.upgraderFor(r)
	wire := p.plain
	if packed {
		wire = p.packed
	}
	stream, err := p.open(r, wire)
	if err != nil {
		p.deny(w, r, err)
		return
	}
	taken := &hijacker{ResponseWriter: w, stall: p.streams.Stall()}
	conn, err := upgrader.Upgrade(taken, r, nil)
	if err != nil { // answered
		stream.Close()
		return
	}
	p.begin(conn, taken.conn, stream, wire)
}

// upgraderFor returns what upgrades a request, and whether its messages may be compressed then.
func (p *Publisher) upgraderFor(r *http.Request) (u gorilla.Upgrader, packed bool) {
	u = p.upgrader
	u.EnableCompression = p.packed != nil && offersDeflate(r.Header)
	return u, u.EnableCompression
}

func (p *Publisher) open(r *http.Request, w *publisher.Wire) (*publisher.Stream, error) {
	ch, err := route.ChannelID(r)
	if err != nil {
		return nil, err
	}
	since, err := route.Since(r)
	if err != nil {
		return nil, err
	}
	if r, err = p.allow(r); err != nil {
		return nil, err
	}
	return p.streams.OpenAs(r, ch, since, w)
}

// notUpgraded answers a request without an upgrade. A browser's script sends one when its WebSocket has failed, because it does not
// learn why. If a limit is the reason, the answer says so.
func (p *Publisher) notUpgraded(w http.ResponseWriter, r *http.Request) {
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
	upgradeRequired(w)
}

func upgradeRequired(w http.ResponseWriter) {
	w.Header().Set("Upgrade", "websocket")
	route.WriteProblem(w, route.Problem{
		Status: http.StatusUpgradeRequired, Detail: "this address speaks WebSocket: connect with ws:// or wss://",
	})
}

// allow checks the origin. Browsers send cookies with every WebSocket request, so that a page of another origin could read
// what its visitor may read. Cookies therefore count only from the server's own origin and from those that are listed by
// name.
func (p *Publisher) allow(r *http.Request) (*http.Request, error) {
	origins, given := r.Header["Origin"]
	origin := ""
	if len(origins) > 0 {
		origin = origins[0]
	}
	cookie := len(r.Header["Cookie"]) > 0
	switch {
	case !given && !cookie: // not a browser
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
	return "this origin may not connect: add it to server.origins"
}

func (*forbidden) Is(target error) bool { return target == motacilla.ErrForbidden }

func (p *Publisher) deny(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, motacilla.ErrNotFound) {
		p.refuse(w, r, codeGone, "no such channel")
		return
	}
	if m, is := publisher.MoveOf(err); is {
		p.refuse(w, r, codeMoved, string(m.JSON()))
		return
	}
	p.fail(w, r, err)
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

// refuse upgrades and closes with a code, because a browser's script cannot see an answer that is not an upgrade.
func (p *Publisher) refuse(w http.ResponseWriter, r *http.Request, code int, reason string) {
	conn, err := p.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(linger))
	if !p.enter(conn) {
		return
	}
	defer p.leave(conn)
	_ = conn.SetReadDeadline(time.Now().Add(p.linger))
	conn.SetReadLimit(mostMessage)
	for err == nil {
		_, _, err = conn.NextReader()
	}
}

// enter makes Shutdown wait for a connection that is being refused. It returns false after Shutdown.
func (p *Publisher) enter(conn *gorilla.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.refusing[conn] = struct{}{}
	p.refused.Add(1)
	return true
}

func (p *Publisher) leave(conn *gorilla.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.refusing, conn)
	p.refused.Done()
}
