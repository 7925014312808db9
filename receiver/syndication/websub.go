package syndication

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

const (
	leaseWanted   = 24 * time.Hour // short, so that a hub soon forgets a server that is no more
	longestLease  = 30 * 24 * time.Hour
	untilVerified = 10 * time.Minute // a hub that has not verified a request by then is asked again
	leavingTime   = time.Hour        // for so long a hub may verify that it was left
)

// subscription is what the nodes know of a subscription at a hub (WebSub, W3C Recommendation).
type subscription struct {
	ID       string    `json:"id"` // in the callback's path; it can't be guessed
	Secret   string    `json:"secret"`
	Hub      string    `json:"hub"`
	Topic    string    `json:"topic"`
	Callback string    `json:"callback"`
	Active   bool      `json:"active,omitempty"` // the hub has verified it
	Expires  time.Time `json:"expires,omitzero"`
	Next     time.Time `json:"next,omitzero"` // when the hub is asked for it, again or for the first time
	Failures int       `json:"failures,omitempty"`
	Left     time.Time `json:"left,omitzero"`
}

// lasts returns for how long the hub will tell of changes.
func (s *subscription) lasts(now time.Time) time.Duration {
	if s == nil || !s.Active {
		return 0
	}
	return max(s.Expires.Sub(now), 0)
}

// errSame ends a change of a state that would change nothing.
var errSame = errors.New("nothing changes")

// keepSubscribed subscribes at the feed's hub, renews the subscription before it ends, and leaves a hub that the feed no longer
// names.
func (f *feed) keepSubscribed(ctx context.Context) {
	var ask, leave subscription
	err := change(ctx, f.states, f.key, func(st *state) error {
		ask, leave = subscription{}, subscription{}
		now := time.Now().UTC()
		changed := st.forget(now)
		wanted := f.o.WebSub && f.kit.PublicURL != "" && st.Hub != "" && st.Begun && !st.Gone
		s := st.Subscription
		if s != nil && (!wanted || s.Hub != st.Hub || s.Topic != st.Topic || s.Callback != f.callback(s.ID)) {
			leave = st.leave(now)
			s, changed = nil, true
		}
		if s == nil && wanted {
			id := f.key + "-" + random()
			s = &subscription{ID: id, Secret: random(), Hub: st.Hub, Topic: st.Topic, Callback: f.callback(id)}
			st.Subscription = s
		}
		if s != nil && !now.Before(s.Next) {
			s.Next = now.Add(jitter(min(untilVerified<<min(s.Failures, 16), 24*time.Hour)))
			s.Failures++
			ask, changed = *s, true
		}
		if !changed {
			return errSame
		}
		return nil
	})
	if err != nil {
		if !errors.Is(err, errSame) && ctx.Err() == nil {
			f.log.Warn("a subscription can't be stored", zap.Error(err))
		}
		return
	}
	f.tell(ctx, "unsubscribe", leave)
	f.tell(ctx, "subscribe", ask)
}

// leave makes the subscription one that is being left, and returns it.
func (st *state) leave(now time.Time) subscription {
	s := st.Subscription
	st.Subscription = nil
	s.Left = now
	st.Leaving = append(st.Leaving, s)
	return *s
}

// forget drops subscriptions whose hub has not verified in time that they were left.
func (st *state) forget(now time.Time) (changed bool) {
	kept := st.Leaving[:0]
	for _, s := range st.Leaving {
		if now.Sub(s.Left) < leavingTime {
			kept = append(kept, s)
		}
	}
	changed = len(kept) != len(st.Leaving)
	st.Leaving = kept
	return changed
}

func (r *Receiver) callback(id string) string {
	return strings.TrimRight(r.kit.PublicURL, "/") + r.callbackPath(id)
}

// tell sends a request about s to its hub. A zero s is none.
func (r *Receiver) tell(ctx context.Context, mode string, s subscription) {
	if s.ID == "" {
		return
	}
	err := r.askHub(ctx, mode, s)
	hub, _ := url.Parse(s.Hub)
	log := r.log.With(zap.String("mode", mode), zap.String("hub", hub.Host))
	if err != nil && ctx.Err() == nil {
		log.Warn("a hub does not take a request", zap.Error(err))
	} else if err == nil {
		log.Info("a hub was asked")
	}
}

// askHub sends a request about s to its hub (WebSub, section 5.1).
func (r *Receiver) askHub(ctx context.Context, mode string, s subscription) error {
	form := url.Values{"hub.mode": {mode}, "hub.topic": {s.Topic}, "hub.callback": {s.Callback}}
	if mode == "subscribe" {
		form.Set("hub.secret", s.Secret)
		form.Set("hub.lease_seconds", strconv.Itoa(int(leaseWanted/time.Second)))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Hub, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.hubs.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answers with status %d", resp.StatusCode)
	}
	return nil
}

// leaveHubs leaves the hubs of feeds that the configuration has no longer, and forgets these feeds.
func (r *Receiver) leaveHubs(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.forgetFeeds(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("feeds that are no longer configured can't be forgotten", zap.Error(err))
		}
		sleep(ctx, jitter(untilVerified))
	}
}

func (r *Receiver) forgetFeeds(ctx context.Context) error {
	configured := map[string]bool{}
	for _, f := range r.feeds {
		configured[f.key] = true
	}
	for _, p := range r.peers {
		configured[p.key] = true
	}
	const page = 100
	for after := ""; ; {
		list, err := r.kit.Records.List(ctx, namespace, r.states.prefix, after, page)
		if err != nil {
			return err
		}
		for _, record := range list {
			key := strings.TrimPrefix(record.Key, r.states.prefix)
			if configured[key] {
				continue
			}
			if err := r.forgetFeed(ctx, key, record); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		after = list[len(list)-1].Key
	}
}

// forgetFeed leaves the hub of a feed. When the hub has verified that, or does not do so in time, it removes the record.
func (r *Receiver) forgetFeed(ctx context.Context, key string, record motacilla.Record) error {
	var left subscription
	err := change(ctx, r.states, key, func(st *state) error {
		now := time.Now().UTC()
		st.forget(now)
		left = subscription{}
		if st.Subscription == nil {
			if len(st.Leaving) == 0 {
				return errForget
			}
			return errSame
		}
		left = st.leave(now)
		return nil
	})
	switch {
	case errors.Is(err, errForget):
		err = r.kit.Records.Delete(ctx, namespace, record.Key, record.Version)
		if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
			return nil
		}
		return err
	case errors.Is(err, errSame):
		return nil
	case err != nil:
		return err
	}
	r.tell(ctx, "unsubscribe", left)
	return nil
}

var errForget = errors.New("nothing is left of the feed")

func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
