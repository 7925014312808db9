package sse

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla/publisher"
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
