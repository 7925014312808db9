package sse

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
)

// Readers come and go in different ways. Nothing is left of them.
func TestNothingIsLeft(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, feed: publisher.FeedOptions{Heartbeat: time.Hour}})
		s.post("one")
		connect := func(i int) {
			var st *stream
			switch i % 5 {
			case 0, 1:
				st = s.begin("")
				s.update(st)
			case 2: // leaves before the answer is read
				st = s.begin(fmt.Sprintf("?since=%d", s.head()))
			case 3: // refused
				st = &stream{body: s.Do("GET", path("nobody", "")).Body}
			case 4: // breaks off in its request
				if c.server.HTTP2 {
					st = s.begin("")
					break
				}
				conn := s.Dial()
				head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path(match, ""))
				_, _ = io.WriteString(conn, head[:i%(len(head)+1)])
				_ = conn.Close()
				return
			}
			_ = st.body.Close()
		}
		gone := func() {
			s.HTTP.CloseIdleConnections()
			s.Eventually("all readers are gone", func() bool { return s.stats().Readers.Load() == 0 })
		}
		for i := range 50 {
			connect(i)
		}
		gone()
		files, goroutines := descriptors(t), runtime.NumGoroutine()
		for i := range 300 {
			connect(i)
		}
		gone()
		s.Eventually("descriptors and goroutines are as many as before", func() bool {
			return descriptors(t) <= files+2 && runtime.NumGoroutine() <= goroutines+4
		})
	})
}

// descriptors returns how many files are open, or 0 if the system cannot tell.
func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
