package sse

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// Twenty streams of one browser share a connection. One of them takes nothing, and delays none of the others: each gets every
// post, although the first is full.
func TestStreamsOfOneConnection(t *testing.T) {
	const readers = 20
	http2 := connection{name: "HTTP/2", server: publishertest.ServerOptions{TLS: true, HTTP2: true}}
	s := open(t, settings{connection: http2, feed: publisher.FeedOptions{Stall: time.Hour}})
	var streams []*stream
	for range readers {
		st := s.begin("")
		s.update(st)
		streams = append(streams, st)
	}
	s.takesNothing()
	for i := range 6 { // several times as much as a stream that takes nothing can hold
		p := s.post(fmt.Sprint(i, big))
		var all sync.WaitGroup
		for _, st := range streams {
			all.Go(func() {
				for {
					m, err := st.next()
					if err != nil {
						t.Errorf("the stream ended: %v", err)
						return
					}
					if m.ID == p.Revision.String() {
						return
					}
				}
			})
		}
		all.Wait()
	}
	if n := s.Accepted(); n != 1 {
		t.Errorf("%d streams took %d connections, want one", readers+1, n)
	}
	if n := s.stats().Readers.Load(); n != readers+1 {
		t.Errorf("%d readers are connected, want %d", n, readers+1)
	}
}
