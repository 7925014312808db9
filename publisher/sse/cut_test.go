package sse

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
)

// A reader that takes nothing does not keep the server from stopping.
func TestShutdownWithStalledReader(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		if c.server.HTTP2 {
			return // the client sends HTTP/1.1
		}
		t.Parallel() // it only waits
		s := open(t, settings{connection: c, buffer: 4096, feed: publisher.FeedOptions{Stall: time.Minute}})
		conn := s.Dial()
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path(match, ""))
		if _, err := bufio.NewReaderSize(conn, 16).ReadByte(); err != nil {
			t.Fatal(err)
		}
		big := strings.Repeat("x", 60_000)
		for range 200 { // more than any socket holds
			s.post(big)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.publisher.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := s.stats().Readers.Load(); n != 0 {
			t.Errorf("got %d readers, want none", n)
		}
	})
}
