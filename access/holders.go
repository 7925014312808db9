package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// revokedSpace has a record for everything that was revoked. Its key is a holder's ID or Who.
const revokedSpace = "access-revoked"

const (
	// revokedLife is how long nodes can learn that something was revoked. What a node remembers of a credential is much younger.
	revokedLife = 10 * time.Minute
	lookEvery   = time.Second
	mostListed  = 500 // records that are read at a time
)

// holders has the Holder of each session and token that this node knows, and ends those that are revoked on any node.
type holders struct {
	kit *Kit

	mu     sync.Mutex
	known  map[string]*holding // by Holder.ID
	seen   map[string]int64    // the versions of the records that were looked at
	looked time.Time           // when that was
	ends   int                 // how often something was revoked
	lately [mostLately]revoked // the latest of that: the nth is at n % mostLately
	drop   func(gone func(*route.Holder) bool)
}

// revoked reports whether a Holder was revoked.
type revoked func(*route.Holder) bool

// mostLately is how many revocations are remembered while a credential is looked up.
const mostLately = 32

type holding struct {
	*route.Holder
	revoke func()
	used   time.Time
}

func newHolders(k *Kit) *holders {
	return &holders{kit: k, known: make(map[string]*holding), seen: make(map[string]int64)}
}

// Holder returns the Holder of that ID, which is the same for all requests on this node. It can be revoked by [Kit.Revoke]
// with its ID or its Who.
func (k *Kit) Holder(id, who, name string) *route.Holder {
	h := k.holders
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.known[id]
	switch {
	case one == nil:
		made, revoke := route.NewHolder(id, who, name)
		one = &holding{Holder: made, revoke: revoke}
	case one.Who != who || one.Name != name:
		one = &holding{Holder: one.Renamed(who, name), revoke: one.revoke}
	}
	h.known[id] = one
	one.used = time.Now()
	return one.Holder
}

// Revoke ends permissions on all nodes, within 2 s: those of a session or token (a Holder's ID), or all of an account (its Who).
// What proves the permission must be gone from the records before.
func (k *Kit) Revoke(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		k.holders.end(id)
		for {
			r, err := k.o.Records.Get(ctx, revokedSpace, id)
			if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
				return err
			}
			_, err = k.o.Records.Put(ctx, motacilla.Record{Namespace: revokedSpace, Key: id, Version: r.Version, TTL: revokedLife})
			if err == nil {
				break
			}
			if !errors.Is(err, motacilla.ErrConflict) {
				return err
			}
		}
		k.holders.end(id) // of what was permitted while this wrote
	}
	return nil
}

// named returns what is known of the Holder of an ID.
func (h *holders) named(id string) (who, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.known[id]; one != nil {
		return one.Who, one.Name
	}
	return "", ""
}

// end ends the holders whose ID or Who is id, or who have a signed token of that key.
func (h *holders) end(id string) {
	h.endIf(func(one *route.Holder) bool { return concerns(one, func(key string) bool { return key == id }) })
}

func (h *holders) endIf(gone revoked) {
	h.mu.Lock()
	h.lately[h.ends%mostLately] = gone
	h.ends++
	var ended []*holding
	for key, one := range h.known {
		if gone(one.Holder) {
			ended = append(ended, one)
			delete(h.known, key)
		}
	}
	h.mu.Unlock()
	if h.drop != nil {
		h.drop(gone)
	}
	for _, one := range ended {
		one.revoke()
	}
}

// watch looks for what other nodes revoke, until ctx ends.
func (h *holders) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := h.look(ctx); err != nil && ctx.Err() == nil {
			h.kit.o.Logger.Debug("reading what was revoked failed", zap.Error(err))
		}
		h.sweep(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads what was revoked. If the store was out of reach for so long that a record may have expired meanwhile, everything
// counts as revoked: whoever is still permitted comes again.
func (h *holders) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*lookEvery)
	defer cancel()
	began := time.Now()
	all := make(map[string]int64)
	for after := ""; ; {
		list, err := h.kit.o.Records.List(ctx, revokedSpace, "", after, mostListed)
		if err != nil {
			return err
		}
		for _, r := range list {
			all[r.Key], after = r.Version, r.Key
		}
		if len(list) < mostListed {
			break
		}
	}
	if err := h.readSigned(ctx, all); err != nil {
		return err
	}
	h.mu.Lock()
	late := !h.looked.IsZero() && began.Sub(h.looked) > revokedLife/2
	seen := h.seen
	h.seen, h.looked = all, began
	h.mu.Unlock()
	news := make(map[string]bool)
	for key, version := range all {
		if version > seen[key] {
			news[key] = true
		}
	}
	if late || len(news) > 0 {
		h.endIf(func(one *route.Holder) bool { return late || concerns(one, func(key string) bool { return news[key] }) })
	}
	return nil
}

// readSigned reads which signed tokens were revoked, if some were since the last time: before their streams end, so that they can't
// come again.
func (h *holders) readSigned(ctx context.Context, all map[string]int64) error {
	h.mu.Lock()
	news := h.looked.IsZero() || time.Since(h.looked) > revokedLife/2
	for key, version := range all {
		news = news || version > h.seen[key] && strings.HasPrefix(key, signedSpace+"/")
	}
	h.mu.Unlock()
	if !news {
		return nil
	}
	return h.kit.signed.read(ctx)
}

// sweep forgets the holders that nothing watches any more.
func (h *holders) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, one := range h.known {
		if !one.Watched() && now.Sub(one.used) > 2*remember {
			delete(h.known, key)
		}
	}
}

// mostAsks is how often a credential is looked up again because it was revoked meanwhile.
const mostAsks = 10

// unchanged calls ask again if the Holder was revoked while it read the store: what it read may be what was revoked, and its Holder
// was made after that.
func (h *holders) unchanged(ask func() (*Subject, error)) (*Subject, error) {
	for range mostAsks {
		h.mu.Lock()
		before := h.ends
		h.mu.Unlock()
		s, err := ask()
		if s == nil || s.Holder == nil || !h.endedSince(before, s.Holder) {
			return s, err
		}
	}
	return nil, fmt.Errorf("%w: too much is revoked at a time", motacilla.ErrUnavailable)
}

// endedSince reports whether a Holder was revoked after the first ends, or may have been.
func (h *holders) endedSince(ends int, one *route.Holder) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends-ends > mostLately {
		return true
	}
	for n := ends; n < h.ends; n++ {
		if h.lately[n%mostLately](one) {
			return true
		}
	}
	return false
}

// Resume returns the Holder of that ID for a stream on a channel that began elsewhere, such as in another process. nil and no error:
// it was revoked, or may not read the channel any more. It is what publisher.FeedOptions.Holder wants.
func (k *Kit) Resume(ctx context.Context, id string, ch motacilla.ChannelID) (*route.Holder, error) {
	var s *Subject
	var err error
	if isSigned(id) { // what it permits is the same until it expires
		s, err = k.signedAgain(ctx, Subject{Holder: &route.Holder{ID: id}, Rights: Rights{{Role: Reader}}})
	} else {
		s, err = k.subjectOf(ctx, id)
	}
	switch {
	case errors.Is(err, motacilla.ErrUnauthorized):
		return nil, nil
	case err != nil:
		return nil, err
	case s == nil || !s.Rights.Allow(ch, route.Read):
		return nil, nil
	}
	return s.Holder, nil
}

// subjectOf returns who a Holder's ID is of, as it is now; nil if it is none that can be revoked.
func (k *Kit) subjectOf(ctx context.Context, id string) (*Subject, error) {
	return k.holders.unchanged(func() (*Subject, error) {
		switch kind, key, _ := strings.Cut(id, "/"); kind {
		case sessionKind:
			return k.sessionOf(ctx, key)
		case tokenKind:
			return k.tokenOf(ctx, key)
		}
		return nil, nil
	})
}
