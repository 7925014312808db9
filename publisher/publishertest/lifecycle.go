package publishertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// testShutdown stops the publisher while it has readers, among them one that takes nothing. Shutdown must end all streams.
// When it returns, no stream may be open or be written to. Later requests must be answered.
func testShutdown(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	var readers []*reader
	for range 10 {
		readers = append(readers, s.read(name, Channel, motacilla.View{}))
	}
	s.Post(Channel, "Goal")
	for _, r := range readers {
		r.at(t, s.Head(Channel))
	}
	holds := s.holds(t, readers[1])
	// The server may have begun a request that has not reached the publisher yet, which Shutdown can't know of. Every request
	// that Stats count has reached it. Requests that are not held are not counted, so nothing is asked of them here.
	reached := 0
	if holds {
		stats := s.parts[name].stats
		s.Eventually("Stats count all readers", func() bool {
			reached = s.requests.begun()
			return stats.Readers.Load() == int64(len(readers)) && reached == s.requests.begun()
		})
	}
	readers[0].stall()
	p := s.parts[name].publisher
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	open := make([]int, len(readers))
	for i, r := range readers {
		r.mu.Lock()
		open[i] = r.opened
		r.mu.Unlock()
	}
	last := s.requests.begun()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := shutdown(ctx, p); err != nil {
				t.Errorf("Shutdown with %d readers: %v", len(readers), err)
			}
			s.requests.end(reached)
		})
	}
	both.Wait()
	if streams, _ := s.main.Count(); streams > 0 {
		t.Errorf("%d hijacked connections are open after Shutdown, want none", streams)
	}
	for i, r := range readers[1:] {
		r.until(t, "Shutdown has ended its stream or request", func() bool { return r.closed >= open[i+1] })
	}
	s.Eventually("all requests from before Shutdown are answered", func() bool { return s.requests.left(last) == 0 })
	if err := shutdown(ctx, p); err != nil {
		t.Errorf("Shutdown again: %v", err)
	}
	// A request that comes now must not be held, even if it would have been held before.
	late, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range s.parts[name].follow(late, s.url(s.main, name, Channel), s.Head(Channel)) {
		continue
	}
	if late.Err() != nil {
		t.Errorf("a request after Shutdown is neither answered nor refused")
	}
	if holds {
		stats := s.parts[name].stats
		readers[0].close()
		s.Eventually("Stats count no reader after Shutdown", func() bool { return stats.Readers.Load() == 0 })
	}
	_ = s.main.Listener.Close() // new connections are refused from here on
	for _, r := range readers {
		r.close()
		if r.wrong != nil {
			t.Errorf("at the end: %v", r.wrong)
		}
	}
}

// testShutdownWhileTheyCome has readers come while Shutdown runs. Each must be ended or refused.
func testShutdownWhileTheyCome(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var coming sync.WaitGroup
	url, follow := s.url(s.main, name, Channel), s.parts[name].follow
	for range 8 {
		coming.Go(func() {
			for range 10 {
				for _, err := range follow(ctx, url, 0) {
					if err != nil {
						pause(ctx, time.Millisecond)
					}
				}
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	r := s.read(name, Channel, motacilla.View{})
	r.at(t, s.Head(Channel))
	if err := shutdown(ctx, s.parts[name].publisher); err != nil {
		t.Errorf("Shutdown while readers come: %v", err)
	}
	coming.Wait()
	if ctx.Err() != nil {
		t.Errorf("a reader that came while Shutdown ran has not been ended after %v", patience)
	}
}
