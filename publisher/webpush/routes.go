package webpush

import (
	_ "embed" // for worker.js
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// name is the type in the configuration, and the name of the route at which browsers subscribe.
const name = "web-push"

// worker is the script of the service worker. It is served for each channel, in the folder of the channel. So each channel has a
// subscription of its own, the worker knows its channel from its address, and it has no page in its scope: it can stand beside a service
// worker of the site.
//
//go:embed worker.js
var worker []byte

// URLs returns the routes: the service worker's, and the one at which browsers subscribe.
func (p *Publisher) URLs() []route.Route {
	return []route.Route{
		{Pattern: name + "/{channel_id}/worker.js", Handler: http.HandlerFunc(serveWorker)},
		{Name: name, Pattern: name + "/{channel_id}/", Handler: http.HandlerFunc(p.serve)},
	}
}

// Notifications implements publisher.Notifier.
func (p *Publisher) Notifications(ch motacilla.ChannelID) string {
	if !p.matches(ch) {
		return ""
	}
	return name
}

// matches reports whether readers are told of a channel's key events.
func (p *Publisher) matches(ch motacilla.ChannelID) bool {
	return len(p.o.Channels) == 0 || slices.ContainsFunc(p.o.Channels, func(pattern string) bool {
		ok, _ := path.Match(pattern, string(ch)) // the relay has checked the patterns
		return ok
	})
}

func serveWorker(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(worker)))
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	_, _ = w.Write(worker)
}

// serve answers with the key of the server (GET), and subscribes (POST) or unsubscribes (DELETE) a browser.
func (p *Publisher) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete) {
		return
	}
	ch, err := route.ChannelID(r)
	if err == nil && !p.matches(ch) {
		err = fmt.Errorf("notifications of channel %q: %w", ch, motacilla.ErrNotFound)
	}
	if err == nil {
		err = p.answer(w, r, ch)
	}
	if err != nil {
		route.WriteError(w, r, err)
	}
}

func (p *Publisher) answer(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	switch r.Method {
	case http.MethodPost:
		if err := p.subscribe(w, r, ch); err != nil {
			return err
		}
	case http.MethodDelete:
		if err := p.unsubscribe(w, r, ch); err != nil {
			return err
		}
	default:
		return p.tellKey(w, r, ch)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// tellKey answers with the key that a browser subscribes with.
func (p *Publisher) tellKey(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if _, err := p.feed.Channel(r.Context(), ch); err != nil {
		return err
	}
	rs, err := p.started()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"key": rs.vapid.public})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
	return nil
}

// mostSubscription is the most that a subscription may have as JSON, in bytes.
const mostSubscription = 8 << 10

// asked reads the body of a request that changes something. Such a request must come from a page of this server: a browser sends
// the reader's cookies with it, so another site could subscribe its own address to a private channel that the reader may read.
func (p *Publisher) asked(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return nil, fmt.Errorf("only pages of this server may ask for notifications: %w", motacilla.ErrForbidden)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostSubscription))
	if err != nil {
		return nil, motacilla.Invalid("subscription", "must be JSON of at most %d bytes", mostSubscription)
	}
	return body, nil
}

// subscribe keeps a reader, or renews it.
func (p *Publisher) subscribe(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	body, err := p.asked(w, r)
	if err != nil {
		return err
	}
	var asked struct {
		Key          string           `json:"key"`
		Subscription wireSubscription `json:"subscription"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return motacilla.Invalid("subscription", "must be a PushSubscription in JSON")
	}
	to, err := asked.Subscription.parse()
	if err != nil {
		return err
	}
	if !p.o.serves(to.endpoint.Hostname()) {
		return motacilla.Invalid("endpoint", "must be of a push service that this server calls")
	}
	rs, err := p.started()
	if err != nil {
		return err
	}
	if asked.Key != rs.vapid.public {
		return fmt.Errorf("key: the server has another key now; subscribe with that: %w", motacilla.ErrConflict)
	}
	channel, err := p.feed.Channel(r.Context(), ch)
	if err != nil {
		return err
	}
	grant := route.GrantOf(r)
	keep := p.o.Keep
	if channel.Access != motacilla.Public {
		if grant.WhilePublic || !p.o.Private {
			return fmt.Errorf("subscribe to channel %q: %w", ch, motacilla.ErrForbidden)
		}
		keep = min(keep, keepPrivate)
	}
	if !grant.Expires.IsZero() {
		keep = min(keep, max(time.Until(grant.Expires), time.Second))
	}
	comes := reader{Subscription: to, whilePublic: grant.WhilePublic, born: channel.Created}
	if !grant.WhilePublic {
		comes.seen = time.Now().UTC()
		if grant.Holder.Revocable() {
			comes.holder = grant.Holder.ID
		}
	}
	return rs.save(r.Context(), ch, p.network(r), comes, keep)
}

// unsubscribe forgets a reader.
func (p *Publisher) unsubscribe(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	body, err := p.asked(w, r)
	if err != nil {
		return err
	}
	var asked struct {
		Endpoint string `json:"endpoint"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return motacilla.Invalid("endpoint", "must be in a JSON object")
	}
	endpoint, err := parseEndpoint(asked.Endpoint)
	if err != nil {
		return err
	}
	rs, err := p.started()
	if err != nil {
		return err
	}
	return rs.remove(r.Context(), ch, endpoint)
}

// network returns where a request comes from, as far as readers are counted by it.
func (p *Publisher) network(r *http.Request) string {
	address := p.feed.Options().Limits.Address
	if address == nil {
		address = route.Proxies(nil).ClientAddr
	}
	n := route.NetworkOf(address(r))
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 16)
}
