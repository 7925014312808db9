package publisher_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

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

// TestASnapshotReadBeforeMemoryKnows has a private channel become public unheard, and a snapshot be read before memory knows.
// When memory knows, whoever may read what is public gets the snapshot.
func TestASnapshotReadBeforeMemoryKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		access := func(to motacilla.Access) motacilla.Revision {
			c, err := storage.EditChannel(t.Context(), f.store, match, func(c *motacilla.Channel) error {
				c.Access = to
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return c.Head
		}
		head := access(motacilla.Private)
		source := &gates{faulty: f.source}
		source.deaf.Store(true)
		f.feed = publisher.NewFeed(source, renderFunc(plain), nil) // not started
		defer f.feed.Close()
		if d := f.since(head); !d.Heartbeat() {
			t.Fatalf("at the head: %+v", d.Update)
		}
		open := source.keepBack(head)
		public := access(motacilla.Public)
		if d := f.since(0); d.Revision != public {
			t.Fatalf("the snapshot: %+v", d.Update)
		}
		open()
		synctest.Wait()
		r := route.WithGrant(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), route.Grant{WhilePublic: true})
		streams := publisher.NewStreams(f.feed, &publisher.Wire{Name: "sse", Format: publisher.JSON})
		st, err := streams.Open(r, match, 0)
		if err != nil {
			t.Fatal(err)
		}
		st.Close()
	})
}
