package client_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/r3labs/sse/v2"
)

// These tests show why r3labs' server does not deliver for us (docs/decisions/0005-r3labs-server.md). They are true of
// v2.10.0. If one fails with a later version, look at the decision again.

// subscriber is a reader of r3labs' server without a network: a ResponseWriter that keeps what is written, and blocks
// while its gate is shut.
type subscriber struct {
	gate chan struct{} // nil is open
	stop context.CancelFunc

	mu   sync.Mutex
	body bytes.Buffer
}

func (s *subscriber) Header() http.Header { return http.Header{} }
func (s *subscriber) WriteHeader(int)     {}
func (s *subscriber) Flush()              {}

func (s *subscriber) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body.Write(p)
}

// events returns the number of events that came.
func (s *subscriber) events() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Count(s.body.Bytes(), []byte("\n\n"))
}

func (s *subscriber) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body.String()
}

// subscribe adds a reader. It resumes from lastEventID unless that is empty.
func subscribe(server *sse.Server, s *subscriber, lastEventID string) *subscriber {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/?stream=match-42", nil)
	if err != nil {
		panic(err)
	}
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	go server.ServeHTTP(s, r)
	synctest.Wait()
	return s
}

func publish(server *sse.Server, n int) {
	for i := range n {
		server.Publish("match-42", &sse.Event{Data: fmt.Appendf(nil, "update %d", i)})
	}
	synctest.Wait()
}

// One reader that reads nothing stops all other readers, and then the writer.
func TestR3labsSlowReaderBlocksAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sse.New()
		defer server.Close()
		server.CreateStream("match-42")
		slow := subscribe(server, &subscriber{gate: make(chan struct{})}, "")
		healthy := subscribe(server, &subscriber{}, "")
		const written = 200
		publish(server, written)
		if got := healthy.events(); got >= written {
			t.Errorf("the healthy reader has all %d events although another reads nothing", got)
		} else {
			t.Logf("while another reader reads nothing, the healthy one has %d of %d events", got, written)
		}
		accepted := 0
		for accepted < 100_000 && server.TryPublish("match-42", &sse.Event{Data: []byte("more")}) {
			accepted++
		}
		if synctest.Wait(); accepted == 100_000 {
			t.Error("the writer is never blocked")
		}
		t.Logf("after %d more the writer is blocked", accepted)
		close(slow.gate)
		synctest.Wait()
		if got := healthy.events(); got != written+accepted {
			t.Errorf("when the slow reader reads, the healthy one has %d events, want %d", got, written+accepted)
		}
		slow.stop()
		healthy.stop()
		synctest.Wait()
	})
}

// All events are kept, and every reader without a cursor gets all of them.
func TestR3labsLogIsUnbounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sse.New()
		defer server.Close()
		server.EventTTL = 1 // a nanosecond: it filters what is sent, and forgets nothing
		stream := server.CreateStream("match-42")
		const written = 20_000
		publish(server, written)
		if got := len(stream.Eventlog); got != written {
			t.Errorf("the log holds %d events of %d", got, written)
		}
		server.EventTTL = 0
		late := subscribe(server, &subscriber{}, "")
		if got := late.events(); got != written {
			t.Errorf("a new reader gets %d events, want all %d", got, written)
		}
		late.stop()
		synctest.Wait()
	})
}

// IDs begin at 0 with the process. A reader that resumes gets its last event again, and after a restart none of the new
// events.
func TestR3labsIDsRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := sse.New()
		before.CreateStream("match-42")
		publish(before, 5)
		again := subscribe(before, &subscriber{}, "4")
		if got := again.text(); got != "id: 4\ndata: update 4\n\n" {
			t.Errorf("a reader that has seen 4 of 0 to 4 gets %q", got)
		}
		again.stop()
		synctest.Wait()
		before.Close()

		after := sse.New()
		defer after.Close()
		after.CreateStream("match-42")
		publish(after, 3)
		back := subscribe(after, &subscriber{}, "4")
		if got := back.text(); got != "" {
			t.Errorf("after the restart, a reader that has seen 4 gets %q", got)
		}
		fresh := subscribe(after, &subscriber{}, "")
		if got, want := fresh.events(), 3; got != want {
			t.Errorf("there are %d events that it has missed, want %d", got, want)
		}
		back.stop()
		fresh.stop()
		synctest.Wait()
	})
}

// Without the log, events keep the caller's IDs. Nothing is stored, so a reader that returns gets nothing, and a
// Last-Event-ID that is not a number is refused for good.
func TestR3labsWithoutReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sse.New()
		defer server.Close()
		server.AutoReplay = false
		server.CreateStream("match-42")
		reader := subscribe(server, &subscriber{}, "")
		server.Publish("match-42", &sse.Event{ID: []byte("1763890000456789"), Data: []byte("update")})
		synctest.Wait()
		if got, want := reader.text(), "id: 1763890000456789\ndata: update\n\n"; got != want {
			t.Errorf("the reader gets %q, want %q", got, want)
		}
		back := subscribe(server, &subscriber{}, "0")
		if got := back.text(); got != "" {
			t.Errorf("a reader that returns gets %q of what it missed, want nothing", got)
		}
		odd := subscribe(server, &subscriber{}, "no number")
		if got, want := odd.text(), "Last-Event-ID must be a number!\n"; got != want {
			t.Errorf("a Last-Event-ID that is no number gets %q, want %q", got, want)
		}
		reader.stop()
		back.stop()
		odd.stop()
		synctest.Wait()
	})
}

// With a stream for each reader no reader blocks another, but each has a queue: one event is being written, 64 wait in
// the subscriber's channel, and the stream's goroutine holds one.
func TestR3labsStreamPerReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sse.New()
		defer server.Close()
		server.AutoReplay = false
		server.BufferSize = 0
		server.CreateStream("match-42")
		slow := subscribe(server, &subscriber{gate: make(chan struct{})}, "")
		accepted := 0
		for accepted < 1000 && server.TryPublish("match-42", &sse.Event{Data: []byte("update")}) {
			accepted++
			synctest.Wait()
		}
		if want := 1 + 64 + 1; accepted != want {
			t.Errorf("%d events are accepted for a reader that takes nothing, want %d", accepted, want)
		}
		close(slow.gate)
		slow.stop()
		synctest.Wait()
	})
}
