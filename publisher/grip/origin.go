package grip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// origin answers readers that come through the proxy: with what they lack, and with headers that tell the proxy to hold the connection
// and to send on what is published. The proxy compares the revision that the answer ends at with the one at which the next published
// update begins. If they differ, it asks again by the link of the answer. It does so too when it has sent nothing for 30 s, because an
// update that it gets between the answer and the hold, and that no other follows, is not compared with anything.
type origin struct {
	o     *Options
	feed  *publisher.Feed
	proxy *verifier
	links *links
}

// keepAlive is sent by the proxy when there was nothing to send: a comment.
const keepAlive = `:\n\n; format=cstring; timeout=25`

var (
	errNotProxied = errors.New("this address is for readers behind a proxy that speaks GRIP: use another transport")
	errNotRelayed = errors.New("the proxy does not have this channel: use another transport")
)

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet) {
		return
	}
	err := o.serve(w, r)
	switch {
	case errors.Is(err, errNotProxied), errors.Is(err, errNotRelayed):
		route.WriteProblem(w, route.Problem{Status: http.StatusNotImplemented, Detail: err.Error()})
	case err != nil:
		route.WriteError(w, r, err)
	}
}

// request is what a reader, or the proxy for it, asks for.
type request struct {
	*http.Request // with the permission
	channel       motacilla.ChannelID
	cursor        motacilla.Revision
	token         string // of the next link
	again         bool   // the proxy asks, for a connection that it holds
}

func (o *origin) serve(w http.ResponseWriter, r *http.Request) error {
	if o.proxy.verify(r.Header.Get("Grip-Sig")) != nil {
		return errNotProxied
	}
	q, err := o.parse(r)
	if err != nil {
		return err
	}
	d, err := o.feed.Since(q.Context(), q.channel, q.cursor)
	if err != nil {
		return err
	}
	access, err := o.feed.Readable(q.Request, q.channel, d.Revision)
	if err != nil {
		return err
	}
	private := access == motacilla.Private
	if !o.relayed(q.channel) || private && !o.o.Private {
		return errNotRelayed
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	if !d.Gone {
		h.Set("Grip-Hold", "stream")
		h.Set("Grip-Channel", fmt.Sprintf("%s; prev-id=%d", o.o.channel(q.channel, private), d.Revision))
		h.Set("Grip-Link", "<?next="+q.token+">; rel=next; timeout=30")
		h.Set("Grip-Keep-Alive", keepAlive)
	}
	if !q.again || !d.Heartbeat() {
		_, _ = w.Write(d.Encode(event))
	}
	return nil
}

// parse reads a request. A reader is authorised as everywhere, the proxy by its link.
func (o *origin) parse(r *http.Request) (*request, error) {
	ch, err := route.ChannelID(r)
	if err != nil {
		return nil, err
	}
	q, now := &request{channel: ch}, time.Now()
	if q.token = r.URL.Query().Get("next"); q.token != "" {
		grant, ok := o.links.grant(ch, q.token, now)
		if !ok {
			return nil, fmt.Errorf("the proxy's link has expired: %w", motacilla.ErrForbidden)
		}
		if o.revoked(r.Context(), grant.Holder, ch) {
			return nil, fmt.Errorf("the reader's permission was revoked: %w", motacilla.ErrForbidden)
		}
		q.again, q.Request = true, route.WithGrant(r, grant)
		q.cursor = last(r.Header.Get("Grip-Last"))
		return q, nil
	}
	if q.Request, err = route.Permit(r, ch); err != nil {
		return nil, err
	}
	q.token = o.links.token(ch, route.GrantOf(q.Request), now)
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		if cursor, err := motacilla.ParseRevision(id); err == nil { // otherwise a reset
			q.cursor = cursor
		}
		return q, nil
	}
	q.cursor, err = route.Since(r)
	return q, err
}

// revoked reports whether a link's holder may read the channel no more. If that can't be told, the link counts.
func (o *origin) revoked(ctx context.Context, of *route.Holder, ch motacilla.ChannelID) bool {
	ask := o.feed.Options().Holder
	if of == nil || ask == nil {
		return false
	}
	h, err := ask(ctx, of.ID, ch)
	return h == nil && err == nil
}

// last returns the cursor of a header such as "live-match-42; last-id=1763890000456789". Without a cursor it is 0.
func last(header string) motacilla.Revision {
	_, id, _ := strings.Cut(header, "last-id=")
	id, _, _ = strings.Cut(id, ";")
	cursor, err := motacilla.ParseRevision(strings.Trim(strings.TrimSpace(id), `"`))
	if err != nil {
		return 0
	}
	return cursor
}

// relayed reports whether the channel is one that is pushed.
func (o *origin) relayed(ch motacilla.ChannelID) bool {
	for _, pattern := range o.o.Channels {
		if ok, _ := path.Match(pattern, string(ch)); ok {
			return true
		}
	}
	return len(o.o.Channels) == 0
}
