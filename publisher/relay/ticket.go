package relay

import (
	"bytes"
	_ "embed" // for openapi.json
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// ReaderOptions are the settings of a hub that readers are offered as a transport. An adapter embeds them in its own.
type ReaderOptions struct {
	Readers string        `key:"readers" doc:"address of the hub for readers; only if it is set, they are told of the hub"`
	Path    string        `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`          // of the adapter
	Check   time.Duration `key:"check" min:"1s" doc:"how often a reader that hears nothing of the hub asks here"` // 1m
}

// Ticket tells a reader how to follow a channel at the hub. Each protocol says which fields it has.
type Ticket struct {
	Protocol     string `json:"protocol"`               // mercure, centrifugo, pusher or nchan
	URL          string `json:"url"`                    // to connect to
	SSE          string `json:"sse,omitempty"`          // to connect to without WebSocket
	Channel      string `json:"channel,omitempty"`      // the channel's name at the hub, if it is not in the URL
	Token        string `json:"token,omitempty"`        // of the connection
	Subscription string `json:"subscription,omitempty"` // token of the subscription
	Auth         string `json:"auth,omitempty"`         // where to get the token of a subscription, such as Pusher's
}

// openAPI describes the route of a transport NAME.
//
//go:embed openapi.json
var openAPI []byte

// TicketOf makes a ticket for the reader of a request, who may read the channel. A private channel's ticket must end at expires,
// which is at most an hour ahead.
type TicketOf func(r *http.Request, ch motacilla.ChannelID, private bool, expires time.Time) (*Ticket, error)

// ticketLife is how long a token lives at most: a reader whose permission is taken away may go on for so long.
const ticketLife = time.Hour

// TicketRoute returns the route by which readers follow the hub:
//
//	GET PATH?since=CURSOR
//
// The answer is {"update": what the reader lacks, "check_ms": …, "hub": its ticket}. A reader asks, connects to the hub, asks
// again once the hub sends to it, and then each time that an update does not fit (motacilla.View says so), and when it has heard
// nothing for check_ms. It must use the newest ticket when it connects again.
//
// There are none if o.Readers is empty. name is the transport's, under which readers are offered it.
func (r *Relay) TicketRoute(name string, o *ReaderOptions, of TicketOf) []route.Route {
	if o.Readers == "" {
		return nil
	}
	t := &tickets{relay: r, of: of, check: o.Check}
	defaulted(&t.check, time.Minute)
	path := o.Path
	defaulted(&path, name+"/{channel_id}/")
	description := bytes.ReplaceAll(openAPI, []byte("NAME"), []byte(name))
	return []route.Route{{Name: name, Pattern: path, Handler: t, OpenAPI: description, Connect: []string{o.Readers}}}
}

// CheckReaders returns an ErrInvalid if o has no address of one of the schemes.
func CheckReaders(o *ReaderOptions, schemes ...string) error {
	u, err := url.Parse(o.Readers)
	for _, s := range schemes {
		if err == nil && u.Scheme == s && u.Host != "" && u.User == nil {
			return nil
		}
	}
	if o.Readers == "" {
		return nil
	}
	return motacilla.Invalid("readers", "must be a URL of %s", strings.Join(schemes, " or "))
}

// tickets answers readers.
type tickets struct {
	relay *Relay
	of    TicketOf
	check time.Duration
}

// answer is what a reader gets.
type answer struct {
	Update json.RawMessage `json:"update"`
	Check  int64           `json:"check_ms"`
	Hub    *Ticket         `json:"hub"`
}

// errNotRelayed: the channel is not one that the hub gets.
var errNotRelayed = errors.New("the hub does not have this channel: use another transport")

func (t *tickets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	body, err := t.body(r)
	if errors.Is(err, errNotRelayed) { // readers go on to the next transport
		route.WriteProblem(w, route.Problem{Status: http.StatusNotImplemented, Detail: err.Error()})
		return
	}
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

func (t *tickets) body(r *http.Request) ([]byte, error) {
	ch, err := route.ChannelID(r)
	if err != nil {
		return nil, err
	}
	since, err := route.Since(r)
	if err != nil {
		return nil, err
	}
	feed := t.relay.kit.Feed
	d, err := feed.Since(r.Context(), ch, since)
	if err != nil {
		return nil, err
	}
	access, err := feed.Readable(r, ch, d.Revision)
	if err != nil {
		return nil, err
	}
	private := access == motacilla.Private
	if !t.relay.matches(ch) || private && !t.relay.o.Private {
		return nil, errNotRelayed
	}
	expires := time.Now().Add(ticketLife)
	if until := route.GrantOf(r).Expires; !until.IsZero() && until.Before(expires) {
		expires = until
	}
	a := answer{Update: d.Encode(publisher.JSON), Check: t.check.Milliseconds()}
	if a.Hub, err = t.of(r, ch, private, expires); err != nil {
		return nil, err
	}
	return json.Marshal(a)
}
