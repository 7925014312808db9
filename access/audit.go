package access

import (
	"net/http"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
)

// Event is an entry of the audit log: a request that changed something or was refused, or somebody who signed in.
type Event struct {
	Time    time.Time           `json:"time"`
	Who     string              `json:"who,omitempty"` // as in route.Holder; empty: it is not known
	Name    string              `json:"name,omitempty"`
	Address string              `json:"address,omitempty"`
	Action  string              `json:"action"` // "draft", "write", "manage", "read", or what an authenticator notes, such as "sign in"
	Channel motacilla.ChannelID `json:"channel,omitempty"`
	Method  string              `json:"method,omitempty"`
	Path    string              `json:"path,omitempty"`
	Status  int                 `json:"status,omitempty"`
	Refused string              `json:"refused,omitempty"` // why
	Detail  string              `json:"detail,omitempty"`
	Count   int                 `json:"count,omitempty"` // of equal refusals within a second, if there were more than one
}

// Note adds an event to the audit log. Its Time is set. It is written within a second.
func (k *Kit) Note(e Event) { k.audit.add(e) }

// Event returns an event about a request. holder may be nil.
func (k *Kit) Event(r *http.Request, holder *route.Holder, action string) Event {
	e := Event{Action: action, Method: r.Method, Path: pathOf(r)}
	if addr := k.site.Address(r); addr.IsValid() {
		e.Address = addr.String()
	}
	if holder != nil {
		e.Who, e.Name = holder.Who, holder.Name
	}
	return e
}

// pathOf returns the path of a request without a secret in it.
func pathOf(r *http.Request) string {
	path := r.URL.Path
	if secret := r.PathValue(route.Secret); secret != "" {
		path = r.Pattern
	}
	return short.Cut(path, 300)
}

// requestKey is under which a request carries what is known of it.
type requestKey struct{}

// request is what the hook notes of a request while it is served.
type request struct {
	ticket  sync.Mutex // held while its ticket is taken
	asked   time.Time  // when that was
	subject *Subject   // of the ticket
	err     error

	mu    sync.Mutex
	event Event // what it changes
}

func (a *audit) permitted(r *http.Request, holder *route.Holder, ch motacilla.ChannelID, action route.Action) {
	e := a.kit.Event(r, holder, string(action))
	e.Channel = ch
	trail, ok := r.Context().Value(requestKey{}).(*request)
	if !ok {
		a.add(e)
		return
	}
	trail.mu.Lock()
	defer trail.mu.Unlock()
	if e.Channel == "" {
		e.Channel = trail.event.Channel
	}
	trail.event = e
}

// changed says what a request changed, which its path does not tell.
func (a *audit) changed(r *http.Request, s *Subject, action, detail string) {
	if trail, ok := r.Context().Value(requestKey{}).(*request); ok {
		trail.mu.Lock()
		defer trail.mu.Unlock()
		channel := trail.event.Channel
		trail.event = a.kit.Event(r, s.Holder, action)
		trail.event.Channel, trail.event.Detail = channel, detail
		return
	}
	e := a.kit.Event(r, s.Holder, action)
	e.Detail = detail
	a.add(e)
}

func (a *audit) refused(r *http.Request, holder *route.Holder, ch motacilla.ChannelID, action route.Action, why error) {
	e := a.kit.Event(r, holder, string(action))
	p := route.ProblemOf(why)
	e.Channel, e.Status, e.Refused = ch, p.Status, short.Cut(p.Detail, 200)
	a.add(e)
}
