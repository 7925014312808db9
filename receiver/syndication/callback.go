package syndication

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/verify"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// maxChallenge is the longest challenge of a hub, in bytes.
const maxChallenge = 4 << 10

// anyone lets every delivery pass: push verifies it, since the secret is that of the subscription in the path.
var anyone = receiver.VerifierFunc(func(http.Header, []byte, time.Time) error { return nil })

// serveHub answers a hub: it verifies that a subscription is wanted, or delivers.
func (r *Receiver) serveHub(w http.ResponseWriter, req *http.Request) {
	if !route.Allow(w, req, http.MethodGet, http.MethodPost) {
		return
	}
	if req.Method == http.MethodPost {
		if err := r.expected(req.Context(), req.PathValue(route.Secret)); err != nil {
			r.kit.Metrics.Count(r.o.Name, receiver.Refused)
			route.WriteError(w, req, err)
			return
		}
		r.hook.ServeHTTP(w, req)
		return
	}
	q := req.URL.Query()
	challenge, err := r.verify(req.Context(), req.PathValue(route.Secret), q)
	if err != nil {
		route.WriteError(w, req, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(challenge)) // as it is (WebSub, section 5.3.1); it is text/plain
}

// expected returns an error if there is no such subscription. It is asked before a delivery is read, which may be long.
func (r *Receiver) expected(ctx context.Context, id string) error {
	var st state
	if _, err := r.states.load(ctx, keyOf(id), &st); err != nil {
		return err
	}
	_, _, err := r.subscribed(&st, id)
	return err
}

// subscribed returns a subscription and its feed. One that there is not is gone, so that the hub ends it.
func (r *Receiver) subscribed(st *state, id string) (*feed, *subscription, error) {
	f, s := r.feedOf(keyOf(id)), st.find(id)
	if f == nil || s == nil || !s.Left.IsZero() {
		return nil, nil, fmt.Errorf("subscription: %w", motacilla.ErrDeleted)
	}
	return f, s, nil
}

// verify answers a hub that asks whether a subscription is wanted (WebSub, section 5.3), or says that it is denied (5.2).
func (r *Receiver) verify(ctx context.Context, id string, q url.Values) (challenge string, err error) {
	mode, topic, challenge := q.Get("hub.mode"), q.Get("hub.topic"), q.Get("hub.challenge")
	if mode != "denied" && (challenge == "" || len(challenge) > maxChallenge) {
		return "", motacilla.Invalid("hub.challenge", "must be 1 to %d bytes", maxChallenge)
	}
	err = change(ctx, r.states, keyOf(id), func(st *state) error {
		now := time.Now().UTC()
		s := st.find(id)
		if s == nil || s.Topic != topic {
			return fmt.Errorf("subscription: %w", motacilla.ErrNotFound)
		}
		switch leaving := !s.Left.IsZero(); {
		case mode == "subscribe" && !leaving:
			lease := leaseOf(q.Get("hub.lease_seconds"))
			s.Active, s.Failures = true, 0
			s.Expires, s.Next = now.Add(lease), now.Add(lease*2/3)
		case mode == "unsubscribe" && leaving:
			kept := st.Leaving[:0]
			for _, other := range st.Leaving {
				if other != s {
					kept = append(kept, other)
				}
			}
			st.Leaving = kept
		case mode == "denied" && !leaving:
			s.Active, s.Next = false, now.Add(jitter(24*time.Hour))
			challenge = ""
		default:
			return fmt.Errorf("subscription: %w", motacilla.ErrNotFound)
		}
		return nil
	})
	if err == nil {
		r.log.Info("a hub has answered", zap.String("mode", mode))
	}
	return challenge, err
}

// leaseOf returns for how long the hub keeps a subscription. It may be another time than the one that was asked for.
func leaseOf(text string) time.Duration {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return leaseWanted
	}
	return time.Duration(min(n, int64(longestLease/time.Second))) * time.Second
}

// keyOf returns the key of the feed that a subscription is for.
func keyOf(id string) string {
	key, _, _ := strings.Cut(id, "-")
	if len(key) != 32 {
		return "none"
	}
	return key
}

// find returns the subscription with this ID, or nil.
func (st *state) find(id string) *subscription {
	for _, s := range append([]*subscription{st.Subscription}, st.Leaving...) {
		if s != nil && subtle.ConstantTimeCompare([]byte(s.ID), []byte(id)) == 1 {
			return s
		}
	}
	return nil
}

// push takes what a hub delivers. A delivery with a wrong signature is ignored, and acknowledged: WebSub permits that (section 7.1),
// and so nobody learns which signature would be right. A subscription that there is not is gone, so that the hub ends it.
func (r *Receiver) push(ctx context.Context, d receiver.Request) (receiver.Answer, error) {
	id := d.Path(route.Secret)
	var st state
	if _, err := r.states.load(ctx, keyOf(id), &st); err != nil {
		return receiver.Answer{}, err
	}
	f, s, err := r.subscribed(&st, id)
	if err != nil {
		return receiver.Answer{}, err
	}
	check, err := verify.WebSub(s.Secret)
	if err == nil {
		err = check.Verify(d.Header, d.Body, time.Now())
	}
	if err != nil {
		f.log.Info("a delivery with a missing or wrong signature is ignored", zap.Error(err))
		return receiver.Answer{}, nil
	}
	topic, err := url.Parse(s.Topic)
	var doc document
	if err == nil {
		doc, err = parse(d.Body, d.Header.Get("Content-Type"), f.link, topic, f.o.MaxEntries)
	}
	if err != nil || len(doc.entries) == 0 && len(doc.deleted) == 0 {
		f.log.Info("a delivery has no entries, so the feed itself is asked for", zap.Error(err))
		return receiver.Answer{}, f.soon(ctx)
	}
	if err := f.acquire(ctx); err != nil {
		return receiver.Answer{}, err
	}
	defer f.release()
	err = change(ctx, f.states, f.key, func(st *state) error { return f.take(ctx, st, doc, false) })
	if errors.Is(err, motacilla.ErrNotFound) { // there is no such channel; to deliver it again would not help
		f.log.Warn("a delivery can't be stored", zap.Error(err))
		return receiver.Answer{}, nil
	}
	return receiver.Answer{}, err
}

func (r *Receiver) feedOf(key string) *feed {
	for _, f := range r.feeds {
		if f.key == key {
			return f
		}
	}
	return nil
}
