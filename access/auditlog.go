package access

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"go.uber.org/zap"
)

// auditSpace has the audit log, some events in a record. Its keys are in the order from the newest to the oldest.
const auditSpace = "access-audit"

const (
	flushEvery  = time.Second
	flushWait   = 10 * time.Second             // how long the store may take
	mostWaiting = 10_000                       // events that wait to be written; those beyond that are counted
	mostInOne   = 100                          // events in a record
	largestOne  = motacilla.MaxRecordValue / 2 // bytes of a record with several events
	refusals    = 1000                         // noted one by one at a time; those beyond that are counted
	perSecond   = 5                            // refusals more that are noted with each second
)

// audit writes the audit log. Events of a second are one record.
type audit struct {
	kit  *Kit
	node string

	mu        sync.Mutex
	waiting   []Event
	refusal   map[Event]int // the place in waiting of an event without its Time and Count
	strangers budget        // of refusals of who is not known
	others    budget        // of other refusals
	dropped   int
	flushed   sync.Mutex // held while events are written
}

func newAudit(k *Kit) *audit {
	return &audit{kit: k, node: rand.Text()[:6], refusal: make(map[Event]int)}
}

// budget is what may be noted. A flood of refusals must not fill the store.
type budget struct {
	spent float64
	at    time.Time
}

func (b *budget) take(now time.Time) bool {
	b.spent = max(0, b.spent-perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.spent >= refusals {
		return false
	}
	b.spent++
	return true
}

func (a *audit) add(e Event) {
	e = e.bounded()
	now := time.Now().UTC().Truncate(time.Microsecond)
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Refused != "" {
		if at, again := a.refusal[e]; again {
			a.waiting[at].Count = max(a.waiting[at].Count, 1) + 1
			return
		}
		of := &a.others
		if e.Who == "" {
			of = &a.strangers
		}
		if len(a.waiting) >= mostWaiting || !of.take(now) {
			a.dropped++
			return
		}
		a.refusal[e] = len(a.waiting)
	}
	if len(a.waiting) >= mostWaiting { // the store has not answered for long
		a.dropped++
		return
	}
	e.Time = now
	a.waiting = append(a.waiting, e)
}

// bounded returns e with texts that are not too long: some are of the request, and all must fit into a record.
func (e Event) bounded() Event {
	for _, s := range []*string{&e.Who, &e.Name, &e.Address, &e.Action, &e.Method, &e.Path, &e.Refused, &e.Detail} {
		*s = short.Cut(*s, 300)
	}
	return e
}

// run writes events until ctx ends, and then the last ones.
func (a *audit) run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			one, cancel := context.WithTimeout(ctx, flushWait)
			a.flush(one)
			cancel()
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			a.flush(last)
			return
		}
	}
}

// flush writes what waits. What could not be written waits on.
func (a *audit) flush(ctx context.Context) {
	a.flushed.Lock()
	defer a.flushed.Unlock()
	a.mu.Lock()
	all := a.waiting
	if a.dropped > 0 {
		all = append(all, Event{Time: time.Now().UTC().Truncate(time.Microsecond), Action: "read", Count: a.dropped,
			Refused: "these requests are not noted one by one: there were too many"})
	}
	a.waiting, a.dropped = nil, 0
	clear(a.refusal)
	a.mu.Unlock()
	for len(all) > 0 {
		n, err := a.write(ctx, all)
		if err != nil {
			a.kit.o.Logger.Warn("writing the audit log failed", zap.Int("events", len(all)), zap.Error(err))
			a.mu.Lock()
			a.waiting = append(all, a.waiting...) // at most twice mostWaiting
			clear(a.refusal)
			a.mu.Unlock()
			return
		}
		all = all[n:]
	}
}

// write writes the first events as a record, and returns how many they are.
func (a *audit) write(ctx context.Context, events []Event) (n int, err error) {
	n = min(len(events), mostInOne)
	value, err := json.Marshal(events[:n])
	for ; err == nil && len(value) > largestOne && n > 1; value, err = json.Marshal(events[:n]) {
		n /= 2
	}
	if err != nil {
		return 0, err
	}
	last := events[n-1].Time
	for {
		key := fmt.Sprintf("%019d-%s-%s", math.MaxInt64-last.UnixMicro(), a.node, rand.Text()[:6])
		_, err = a.kit.o.Records.Put(ctx, motacilla.Record{Namespace: auditSpace, Key: key, Value: value, TTL: a.kit.o.Audit})
		if !errors.Is(err, motacilla.ErrConflict) {
			return n, err
		}
	}
}

// auditPlace is a key of the audit log.
var auditPlace = regexp.MustCompile(`^[0-9]{19}-[A-Z2-7]{6}-[A-Z2-7]{6}$`)

// Audit returns events, the newest first, and after which the next ones come; next is empty if there are no more. It returns about
// limit events, and more if they were written together. after is next of the call before; empty is the newest. Events of different
// nodes may be out of order by some seconds.
func (k *Kit) Audit(ctx context.Context, after string, limit int) (events []Event, next string, err error) {
	if after != "" && !auditPlace.MatchString(after) {
		return nil, "", motacilla.Invalid("after", `must be the "next" of an earlier answer`)
	}
	k.audit.flush(ctx)
	limit = max(limit, 1)
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
