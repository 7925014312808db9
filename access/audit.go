package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// auditSpace has the audit log, some events in a record. Its keys are in the order from the newest to the oldest.
const auditSpace = "access-audit"

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

const (
	flushEvery  = time.Second
	mostWaiting = 1000 // events that wait to be written; refusals beyond that are counted
	mostInOne   = 100  // events in a record
)

// audit writes the audit log. Events of a second are one record.
type audit struct {
	kit  *Kit
	node string

	mu      sync.Mutex
	waiting []Event
	refusal map[Event]int // the place in waiting of an event without its Time and Count
	dropped int
	flushed sync.Mutex // held while events are written
}

func newAudit(k *Kit) *audit {
	return &audit{kit: k, node: rand.Text()[:6], refusal: make(map[Event]int)}
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
	taken   sync.Once // its ticket
	subject *Subject
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

func (a *audit) refused(r *http.Request, holder *route.Holder, ch motacilla.ChannelID, action route.Action, why error) {
	e := a.kit.Event(r, holder, string(action))
	p := route.ProblemOf(why)
	e.Channel, e.Status, e.Refused = ch, p.Status, short.Cut(p.Detail, 200)
	a.add(e)
}

func (a *audit) add(e Event) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Refused != "" {
		if at, again := a.refusal[e]; again {
			a.waiting[at].Count = max(a.waiting[at].Count, 1) + 1
			return
		}
		if len(a.waiting) >= mostWaiting {
			a.dropped++
			return
		}
		a.refusal[e] = len(a.waiting)
	}
	e.Time = now
	a.waiting = append(a.waiting, e)
}

// run writes events until ctx ends, and then the last ones.
func (a *audit) run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			a.flush(last)
			return
		}
	}
}

// flush writes what waits. What could not be written waits on, up to a bound.
func (a *audit) flush(ctx context.Context) {
	a.flushed.Lock()
	defer a.flushed.Unlock()
	a.mu.Lock()
	all := a.waiting
	if a.dropped > 0 {
		all = append(all, Event{Time: time.Now().UTC(), Action: "read", Refused: "more requests were refused than are noted one by one", Count: a.dropped})
	}
	a.waiting, a.dropped = nil, 0
	clear(a.refusal)
	a.mu.Unlock()
	for len(all) > 0 {
		part := all[:min(len(all), mostInOne)]
		if err := a.write(ctx, part); err != nil {
			a.kit.o.Logger.Warn("writing the audit log failed", zap.Int("events", len(all)), zap.Error(err))
			a.mu.Lock()
			if len(a.waiting)+len(all) <= 10*mostWaiting {
				a.waiting = append(all, a.waiting...)
				clear(a.refusal)
			}
			a.mu.Unlock()
			return
		}
		all = all[len(part):]
	}
}

func (a *audit) write(ctx context.Context, events []Event) error {
	value, err := json.Marshal(events)
	if err != nil {
		return err
	}
	last := events[len(events)-1].Time
	for {
		key := fmt.Sprintf("%019d-%s-%s", math.MaxInt64-last.UnixMicro(), a.node, rand.Text()[:6])
		_, err = a.kit.o.Records.Put(ctx, motacilla.Record{Namespace: auditSpace, Key: key, Value: value, TTL: a.kit.o.Audit})
		if !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
}

// Audit returns events, the newest first, and after which the next ones come; next is empty if there are no more. It returns about
// limit events, and more if they were written together. after is next of the call before; empty is the newest.
func (k *Kit) Audit(ctx context.Context, after string, limit int) (events []Event, next string, err error) {
	k.audit.flush(ctx)
	for len(events) < limit {
		list, err := k.o.Records.List(ctx, auditSpace, "", after, min(limit, mostListed))
		if err != nil {
			return nil, "", err
		}
		for _, r := range list {
			var some []Event
			if err := json.Unmarshal(r.Value, &some); err != nil {
				return nil, "", fmt.Errorf("read the audit log: %w", err)
			}
			slices.Reverse(some)
			events, after = append(events, some...), r.Key
			if len(events) >= limit {
				return events, after, nil
			}
		}
		if len(list) < min(limit, mostListed) {
			return events, "", nil
		}
	}
	return events, after, nil
}

// sortNewest sorts by time, the newest first.
func sortNewest[T any](list []T, at func(T) time.Time) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(at(b).UnixNano(), at(a).UnixNano()) })
}
