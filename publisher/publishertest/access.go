package publishertest

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// publicOnly lets readers with the token read, and all others while the channel is public.
type publicOnly struct{ private atomic.Bool }

func (p *publicOnly) authorize(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
	switch {
	case hasToken(r):
		return route.Grant{}, nil
	case p.private.Load():
		return route.Grant{}, motacilla.ErrForbidden
	}
	return route.Grant{WhilePublic: true}, nil
}

// setAccess makes the channel public or private.
func (s *site) setAccess(access motacilla.Access) motacilla.Revision {
	s.Helper()
	return s.EditChannel(Channel, func(c *motacilla.Channel) { c.Access = access }).Head
}

// testPrivate makes the channel private while it has readers. Readers without the token must get nothing that was written
// since, and their streams must end. Readers with the token must notice nothing. The hook learns of the change late, as one
// with a cache does, so that its grant alone is not enough.
func testPrivate(t *testing.T, run func(settings) *site) {
	hook := &publicOnly{}
	s := run(settings{authorize: hook.authorize})
	insiders := s.door(true, 0)
	const rounds = 5
	inside := s.readBy(insiders, name, Channel, motacilla.View{})
	for round := range rounds {
		open := s.Post(Channel, fmt.Sprintf("Open %d.", round))
		var guests []*reader
		for range 4 {
			guests = append(guests, s.read(name, Channel, motacilla.View{}))
		}
		for _, r := range guests[:3] { // the last one comes while it happens
			r.at(t, open.Revision)
		}
		s.setAccess(motacilla.Private)
		secret := s.Post(Channel, "Secret.")
		inside.at(t, secret.Revision)
		s.check(t, inside)
		pause(t.Context(), 10*time.Millisecond)
		hook.private.Store(true)
		for _, r := range guests {
			r.mu.Lock()
			before := r.opened
			r.mu.Unlock()
			r.until(t, "its stream ends, since the channel has become private", func() bool { return r.closed >= before })
			r.close()
			if r.has("Secret") {
				t.Errorf("round %d: a reader without the token got what was written after the channel became private", round)
			}
		}
		s.Remove(Channel, secret.ID)
		hook.private.Store(false)
		inside.at(t, s.setAccess(motacilla.Public))
	}
	back := s.read(name, Channel, motacilla.View{})
	back.at(t, s.Head(Channel))
	s.check(t, back)
	inside.at(t, s.Head(Channel))
	s.check(t, inside)
	if inside.close(); inside.resets != 1 {
		t.Errorf("the reader with the token got %d resets, want 1", inside.resets)
	}
}

// testExpires lets a permission end. The stream must end soon after, on a quiet channel and on a busy one.
func testExpires(t *testing.T, run func(settings) *site) {
	var until atomic.Pointer[time.Time]
	s := run(settings{authorize: func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
		expires := until.Load()
		switch {
		case hasToken(r) || expires == nil:
			return route.Grant{}, nil
		case !time.Now().Before(*expires):
			return route.Grant{}, motacilla.ErrForbidden
		}
		return route.Grant{Expires: *expires}, nil
	}})
	for what, busy := range map[string]bool{"a quiet channel": false, "a busy channel": true} {
		var r *reader
		var expires time.Time
		for lasts := 300 * time.Millisecond; ; lasts *= 2 { // a slow machine needs a longer permission
			end := time.Now().Add(lasts)
			expires = end
			until.Store(&end)
			r = s.read(name, Channel, motacilla.View{})
			r.until(t, "it is at the head, or its permission is over", func() bool {
				return r.view.Revision >= s.Head(Channel) || !time.Now().Before(expires)
			})
			if time.Now().Before(expires) {
				break
			}
			r.close()
		}
		for time.Now().Before(expires) {
			if busy {
				s.Post(Channel, "Goal")
			}
			pause(t.Context(), 50*time.Millisecond)
		}
		r.mu.Lock()
		before := r.opened
		r.mu.Unlock()
		r.until(t, "its stream ends with its permission, on "+what, func() bool { return r.closed >= before })
		secret := s.Post(Channel, "Late on "+what)
		inside := s.readBy(s.door(true, 0), name, Channel, motacilla.View{})
		inside.at(t, secret.Revision)
		inside.close()
		if r.close(); r.has("Late on " + what) {
			t.Errorf("on %s a reader got what was written after its permission had ended", what)
		}
	}
}

// holders gives readers permissions that can be revoked: those with the token one of their own, all others that of guest.
type holders struct{ guest, member atomic.Pointer[route.Holder] }

func (h *holders) authorize(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
	holder := h.guest.Load()
	if hasToken(r) {
		holder = h.member.Load()
	}
	if holder.Revoked() {
		return route.Grant{}, motacilla.ErrForbidden
	}
	return route.Grant{Holder: holder}, nil
}

// holder is publisher.FeedOptions.Holder.
func (h *holders) holder(_ context.Context, id string, _ motacilla.ChannelID) (*route.Holder, error) {
	for _, one := range []*route.Holder{h.guest.Load(), h.member.Load()} {
		if one != nil && one.ID == id && !one.Revoked() {
			return one, nil
		}
	}
	return nil, nil //nolint:nilnil // as the contract says
}

// testRevoked revokes the permission of a reader of a private channel. Its stream must end as when a permission expires, on a quiet
// channel and on a busy one. The reader that has another permission must notice nothing, and nothing must wait for a revocation any
// more when the readers have left.
func testRevoked(t *testing.T, run func(settings) *site) {
	hook := &holders{}
	member, _ := route.NewHolder("session/member", "person/member", "member")
	hook.member.Store(member)
	s := run(settings{authorize: hook.authorize, feed: publisher.FeedOptions{
		Heartbeat: time.Hour, // which would make a publisher look whether its reader may read
		Holder:    hook.holder,
	}})
	s.setAccess(motacilla.Private)
	inside := s.readBy(s.door(true, 0), name, Channel, motacilla.View{})
	for what, busy := range map[string]bool{"a quiet channel": false, "a busy channel": true} {
		guest, revoke := route.NewHolder("session/"+what, "person/guest", "guest")
		hook.guest.Store(guest)
		r := s.read(name, Channel, motacilla.View{})
		r.at(t, s.Head(Channel))
		r.at(t, s.Post(Channel, "News on "+what).Revision)
		if busy {
			for range 3 {
				s.Post(Channel, "Goal")
			}
		}
		revoke()
		r.mu.Lock()
		before := r.opened
		r.mu.Unlock()
		r.until(t, "its stream ends, since its permission was revoked on "+what, func() bool { return r.closed >= before })
		secret := s.Post(Channel, "Late on "+what)
		inside.at(t, secret.Revision)
		if r.close(); r.has("Late on " + what) {
			t.Errorf("on %s a reader got what was written after its permission had been revoked", what)
		}
		s.Eventually("nothing waits for the revocation of a reader that has left", func() bool { return !guest.Watched() })
	}
	s.check(t, inside)
	if inside.close(); inside.resets != 1 {
		t.Errorf("the reader whose permission was not revoked got %d resets, want 1", inside.resets)
	}
	s.Eventually("nothing waits for the revocation of the reader that was last", func() bool { return !member.Watched() })
}
