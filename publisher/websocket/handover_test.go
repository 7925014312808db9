package websocket

import (
	"errors"
	"testing"

	"github.com/motacilla-live/motacilla/publisher"
)

// A connection that the other process does not take goes on here, and can still ask for channels.
func TestSubscribeAfterAHandoverThatFailed(t *testing.T) {
	s := open(t, settings{})
	c := s.several(nil)
	s.hears(c, `{"subscribed":[]}`)
	gone := errors.New("the other process is gone")
	for range 3 {
		s.Eventually("the connection is handed over", func() (given bool) { // not while a request is served
			err := s.publisher.HandOver(t.Context(), s.Routes, func(publisher.Handed) error {
				given = true
				return gone
			})
			if given && !errors.Is(err, gone) {
				t.Errorf("HandOver: %v, want %v", err, gone)
			}
			return given
		})
		s.ask(c, `{"subscribe":{"match-42":null,"members":0}}`)
		s.hears(c, `{"subscribed":["match-42"]}`)
		if got := s.complains(c, "refused"); got.Channel != "members" || got.Status != 403 {
			t.Errorf("got the refusal %+v, want that of the private channel", got)
		}
		s.of(c, match)
	}
}
