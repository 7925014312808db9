package publisher_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

// TestWhatIsNewerThanMemoryIsNotGossiped has a channel become private, of which the feed does not hear. A reader that was
// authorised because memory says that the channel is public must not get what was posted since.
func TestWhatIsNewerThanMemoryIsNotGossiped(t *testing.T) {
	f := setUp(t, nil)
	source := &gated{faulty: f.source, reading: make(chan struct{}), let: make(chan struct{})} // keeps back changes
	f.feed = publisher.NewFeed(source, renderFunc(plain), nil)                                 // it is not started, so it hears nothing
	defer f.feed.Close()
	if c, err := f.feed.Channel(t.Context(), match); err != nil || c.Access != motacilla.Public {
		t.Fatalf("%+v, %v", c, err)
	}
	_, err := storage.EditChannel(t.Context(), f.store, match, func(c *motacilla.Channel) error {
		c.Access = motacilla.Private
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := f.post("secret")

	r := route.WithGrant(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), route.Grant{WhilePublic: true})
	streams := publisher.NewStreams(f.feed, &publisher.Wire{Name: "sse", Format: publisher.JSON})
	if st, err := streams.Open(r, match, 0); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("a stream: %+v, %v", st, err)
	}
	close(source.let)
	if access, err := f.feed.Readable(r, match, p.Revision); access != motacilla.Private || !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("an answer: %q, %v", access, err)
	}
}
