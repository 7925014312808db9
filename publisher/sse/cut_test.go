package sse

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// hurried is a context that says that it ends soon. It ends later, so that a slow machine has time to do what it should.
type hurried struct {
	context.Context
	deadline time.Time
}

func (c hurried) Deadline() (time.Time, bool) { return c.deadline, true }

// A reader that takes nothing does not keep the server from stopping: it is cut off when most of the time is over.
func TestShutdownWithStalledReader(t *testing.T) {
	var sites []*site
	for _, c := range connections {
		s := open(t, settings{connection: c, feed: publisher.FeedOptions{Stall: time.Hour}})
		s.takesNothing()
		for range 20 {
			s.post(big)
		}
		sites = append(sites, s)
	}
	var all sync.WaitGroup
	for i, s := range sites {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
			defer cancel()
			if err := s.publisher.Shutdown(hurried{ctx, time.Now().Add(time.Second)}); err != nil || ctx.Err() != nil {
				t.Errorf("%s: Shutdown: %v, after %v", connections[i].name, err, ctx.Err())
			}
			if n := s.stats().Readers.Load(); n != 0 {
				t.Errorf("%s: got %d readers, want none", connections[i].name, n)
			}
		})
	}
	all.Wait()
}
