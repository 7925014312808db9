package publisher

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/internal/fanout"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// subscription is one channel of a connection that follows several.
type subscription struct {
	topic   *topic
	slot    channelSlot
	cursor  motacilla.Revision // where it begins; without the engine, where it is
	expires int64              // when the permission ends; Unix nanoseconds, 0 is never
	place   *fanout.Place      // in the epoll engine
	search  *search            // without the engine, if a cursor was looked up
	watch   *watch             // nil if the permission can't be revoked
	index   int32              // in Many.cursors; -1 is nowhere
	guarded bool               // see fanout.Table.After
	over    bool
}

// search is the lookup of a cursor that no state reaches.
type search struct {
	running bool
	found   *Delta
}

// release gives the channel back. The engine, or the bells, must not have the subscription any more.
func (s *subscription) release() {
	if s.over {
		return
	}
	s.over = true
	s.unwatch()
	s.slot.release()
	streams := s.topic.streams
	streams.mu.Lock()
	defer streams.mu.Unlock()
	streams.unfollow(s.topic)
}

// ends returns when the permission ends; zero is never.
func (s *subscription) ends() time.Time {
	if s.expires == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.expires)
}

// watch begins to watch the permission of a subscription that was added. Those that have one holder share one watch.
func (m *Many) watch(s *subscription) {
	if s.watch == nil || s.over {
		return
	}
	for _, o := range m.subs {
		if o != s && o.watch != nil && o.watch.holder == s.watch.holder {
			s.watch = o.watch
			break
		}
	}
	w := s.watch
	if w.shares++; w.shares == 1 {
		w.begin(func() { m.seat.do(func() { m.revoked(w) }) })
	}
}

// unwatch is called once, also if watch was not.
func (s *subscription) unwatch() {
	if w := s.watch; w != nil {
		if w.shares--; w.shares <= 0 {
			w.end()
		}
	}
}

// revoked refuses the channels whose permission was revoked.
func (m *Many) revoked(w *watch) {
	for _, s := range slices.Clone(m.subs) {
		if s.watch == w {
			m.refuse(s)
		}
	}
}

// refusal is a channel that a connection does not follow.
type refusal struct {
	channel motacilla.ChannelID
	err     error
}

// mostOpening is how many channels of one connection are opened at a time: memory may have to read each from the store.
const mostOpening = 8

// openAll opens channels, and returns those that can be followed and the others, each in the order of want.
func (s *Streams) openAll(r *http.Request, want []Cursor, w *ManyWire, permit Permit) (opened []*subscription, refused []refusal) {
	subs, errs := make([]*subscription, len(want)), make([]error, len(want))
	var next atomic.Int64
	var all sync.WaitGroup
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(want); i = int(next.Add(1)) - 1 {
			subs[i], errs[i] = s.openOne(r, want[i], w, permit)
		}
	}
	for range min(len(want), mostOpening) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	for i, sub := range subs {
		if errs[i] != nil {
			refused = append(refused, refusal{want[i].Channel, errs[i]})
			continue
		}
		sub.index = int32(i)
		opened = append(opened, sub)
	}
	return opened, refused
}

// charge has the limit on requests count each channel of a request that is not there, or not for this reader. The store was asked for it
// perhaps, and one request may name many.
func charge(r *http.Request, refused []refusal) {
	count := route.Repeats(r)
	for _, c := range refused {
		if count != nil && (errors.Is(c.err, motacilla.ErrNotFound) || errors.Is(c.err, motacilla.ErrForbidden)) {
			count()
		}
	}
}

// openOne opens one channel as a connection of its own would be opened. A hook that panics refuses the channel.
func (s *Streams) openOne(r *http.Request, want Cursor, w *ManyWire, permit Permit) (sub *subscription, err error) {
	defer func() {
		if p := recover(); p != nil {
			sub, err = nil, fmt.Errorf("the authorization of channel %q panicked: %v", want.Channel, p)
			s.feed.options.Logger.Error("authorization panicked", zap.String("channel", string(want.Channel)),
				zap.String("cause", fmt.Sprint(p)), zap.ByteString("stack", debug.Stack()))
		}
	}()
	one, err := permit(r, want.Channel)
	if err != nil {
		return nil, err
	}
	grant := route.GrantOf(one)
	slot, err := s.feed.acquireChannel(want.Channel)
	if err != nil {
		return nil, err
	}
	c, _, err := s.first(r.Context(), want.Channel, want.After, grant)
	if err != nil {
		slot.release()
		return nil, err
	}
	defer c.release()
	t, err := s.followPart(c, w)
	if err != nil {
		slot.release()
		return nil, err
	}
	sub = &subscription{
		topic: t, slot: slot, cursor: want.After, watch: newWatch(grant.Holder), index: -1, guarded: grant.WhilePublic,
	}
	if !grant.Expires.IsZero() {
		sub.expires = max(grant.Expires.UnixNano(), 1)
	}
	return sub, nil
}

// followPart adds a reader of several channels to the topic of one.
func (s *Streams) followPart(c *channel, w *ManyWire) (*topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.follow(c, &w.Wire, func(t *topic) protocol {
		t.part = true
		return &chapter{t}
	})
}
