package sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// If the other process takes some connections and then no more, those that it has not taken go on here. So do those whose state it
// can't read.
func TestReadersThatAreNotTakenStay(t *testing.T) {
	s := open(t, settings{})
	const readers = 100 // several batches
	var streams []*stream
	for range readers {
		st := s.begin("")
		s.update(st)
		streams = append(streams, st)
	}
	given, full := 0, errors.New("the other process is gone")
	take := func(h publisher.Handed) error {
		if given++; given > readers/2 {
			return full
		}
		return s.publisher.TakeOver(t.Context(), h, s.Routes)
	}
	if err := s.publisher.HandOver(t.Context(), s.Routes, take); !errors.Is(err, full) {
		t.Errorf("HandOver: %v, want %v", err, full)
	}
	p := s.post("Goal")
	for _, st := range streams {
		if u := s.change(st); u.Revision != p.Revision {
			t.Errorf("a reader is at %v, want %v", u.Revision, p.Revision)
		}
	}
	if n := s.stats().Readers.Load(); n != readers {
		t.Errorf("%d readers are counted, want %d", n, readers)
	}
}

// A state that can't be read is refused, and its error tells nothing of it: it may have keys.
func TestStateThatCannotBeRead(t *testing.T) {
	s := open(t, settings{})
	for _, state := range []string{
		"", "{", `"secret"`, `{"form":"secret"}`, `{"form":"plain","channel":7,"reader":{"session":"c2VjcmV0"}}`,
		`{"form":"plain","channel":"match-42","reader":{"session":"c2VjcmV0"}}`, `{"form":"plain","channel":"nowhere"}`,
		`{"form":"gzip","many":{"channels":[]},"reader":{"session":"c2VjcmV0"}}`,
	} {
		conn := s.Dial()
		err := s.publisher.TakeOver(t.Context(), publisher.Handed{Socket: conn, State: []byte(state)}, s.Routes)
		_ = conn.Close()
		if err == nil {
			t.Errorf("%s was taken over", state)
		} else if fmt.Sprint(err) == "" {
			t.Errorf("%s: no reason", state)
		}
	}
	if n := s.stats().Readers.Load(); n != 0 {
		t.Errorf("%d readers are counted, want none", n)
	}
}

// Limits count readers that were taken over, and refuse none of them.
func TestReadersThatWereTakenOverCount(t *testing.T) {
	s := open(t, settings{feed: publisher.FeedOptions{Limits: publisher.Limits{Readers: 2, PerChannel: 2, PerAddress: 2}}})
	for range 2 {
		s.update(s.begin(""))
	}
	if err := s.publisher.HandOver(t.Context(), s.Routes, func(h publisher.Handed) error {
		return s.publisher.TakeOver(t.Context(), h, s.Routes)
	}); err != nil {
		t.Fatal(err)
	}
	if resp := s.Do(http.MethodGet, path(match, "")); resp.StatusCode == http.StatusOK && resp.ContentLength < 0 {
		t.Error("a third reader was let in")
	}
	if n := s.stats().Readers.Load(); n != 2 {
		t.Errorf("%d readers are counted, want 2", n)
	}
}

// keeper is who permissions were given to, in both processes.
type keeper struct {
	holder *route.Holder
	revoke func()
	gone   error // the other process can't tell
}

func newKeeper() *keeper {
	k := &keeper{}
	k.holder, k.revoke = route.NewHolder("session/1", "person/anna", "Anna")
	return k
}

func (k *keeper) authorize(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
	return route.Grant{Holder: k.holder}, nil
}

func (k *keeper) known(_ context.Context, id string, _ motacilla.ChannelID) (*route.Holder, error) {
	if id != k.holder.ID || k.gone != nil || k.holder.Revoked() {
		return nil, k.gone
	}
	return k.holder, nil
}

// move hands n readers over, and returns how many moved. meanwhile is called when all are on the way.
func (s *site) move(n int, meanwhile func()) int {
	s.Helper()
	var moved []publisher.Handed
	s.Eventually("all readers have begun, and move", func() bool {
		if err := s.publisher.HandOver(s.Context(), s.Routes, func(h publisher.Handed) error {
			moved = append(moved, h)
			return nil
		}); err != nil {
			s.Fatal(err)
		}
		return len(moved) >= n
	})
	meanwhile()
	for _, h := range moved {
		if err := s.publisher.TakeOver(s.Context(), h, s.Routes); err != nil {
			_ = h.Socket.Close()
		}
	}
	return len(moved)
}

// A reader whose permission can be revoked moves, and its permission can be revoked after that.
func TestRevocableReadersMove(t *testing.T) {
	k := newKeeper()
	s := open(t, settings{authorize: k.authorize, feed: publisher.FeedOptions{Holder: k.known}})
	s.access(motacilla.Private)
	s.Create(second, motacilla.Private)
	single := s.begin("")
	s.update(single)
	several := s.several(nil, string(match), at(second, s.Head(second)))
	s.subscribed(several, match, second)
	s.of(several, match)
	if n := s.move(2, func() {}); n != 2 {
		t.Fatalf("%d readers moved, want 2", n)
	}
	p := s.post("Goal")
	if u := s.change(single); u.Revision != p.Revision {
		t.Errorf("the reader is at %v, want %v", u.Revision, p.Revision)
	}
	if u := s.of(several, match); u.Revision != p.Revision {
		t.Errorf("the reader of several channels is at %v, want %v", u.Revision, p.Revision)
	}
	k.revoke()
	if late := s.ends(single); len(late) != 0 {
		t.Errorf("got %+v after the permission was revoked", late)
	}
	s.refused(several, match, http.StatusForbidden)
	s.refused(several, second, http.StatusForbidden)
	s.Eventually("all readers are gone", func() bool { return s.stats().Readers.Load() == 0 && !k.holder.Watched() })
}

// A permission that is revoked on the way ends the reader in the other process, which sends it nothing else.
func TestRevokedOnTheWay(t *testing.T) {
	k := newKeeper()
	s := open(t, settings{authorize: k.authorize, feed: publisher.FeedOptions{Holder: k.known}})
	s.access(motacilla.Private)
	single := s.begin("")
	s.update(single)
	several := s.several(nil, string(match))
	s.subscribed(several, match)
	s.of(several, match)
	if n := s.move(2, func() {
		k.revoke()
		p := s.post("A secret")
		s.Eventually("the feed knows of what readers must not get", func() bool {
			_, there := s.Feed.Unchanged(match, p.Revision)
			return there
		})
	}); n != 2 {
		t.Fatalf("%d readers moved, want 2", n)
	}
	if late := s.ends(single); len(late) != 0 {
		t.Errorf("got %+v after the permission was revoked", late)
	}
	if len(single.Retry) != 1 {
		t.Errorf("got retry %v, want only the first one", single.Retry)
	}
	s.refused(several, match, http.StatusForbidden)
	if m, err := several.next(); err == nil && m.Type == "" {
		t.Errorf("got %+v after the refusal", m)
	}
	s.Eventually("all readers are gone", func() bool { return s.stats().Readers.Load() == 0 })
}

// Where nobody can be asked about a permission, its readers are not handed over. If it can't be told now, the reader comes again.
func TestPermissionsThatNobodyKnows(t *testing.T) {
	k := newKeeper()
	s := open(t, settings{authorize: k.authorize})
	s.update(s.begin(""))
	s.subscribed(s.several(nil, string(match)), match)
	if n := s.move(0, func() {}); n != 0 {
		t.Errorf("%d readers moved, want none", n)
	}
	if n := s.stats().Readers.Load(); n != 2 {
		t.Errorf("%d readers are left, want 2", n)
	}

	k.gone = motacilla.ErrUnavailable
	s = open(t, settings{authorize: k.authorize, feed: publisher.FeedOptions{Holder: k.known, Repair: time.Millisecond}})
	single := s.begin("")
	s.update(single)
	if n := s.move(1, func() {}); n != 1 {
		t.Errorf("%d readers moved, want 1", n)
	}
	if late := s.ends(single); len(late) != 0 {
		t.Errorf("got %+v", late)
	}
}
