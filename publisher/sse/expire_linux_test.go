package sse

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// TestThousandsExpire has 2,000 streams whose permissions end at about the same time. The epoll engine, which looks for them in passes
// over all readers, ends all of them, none before its time, without a goroutine or a timer for each.
func TestThousandsExpire(t *testing.T) {
	const readers = 2000
	var mu sync.Mutex
	until := map[string]time.Time{}
	s := open(t, settings{
		feed: publisher.FeedOptions{Limits: publisher.Limits{Readers: readers + 1}},
		authorize: func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
			expires := time.Now().Add(2*time.Second + rand.N(time.Second))
			mu.Lock()
			defer mu.Unlock()
			until[r.URL.Query().Get("reader")] = expires
			return route.Grant{Expires: expires}, nil
		},
	})
	s.access(motacilla.Private)
	idle := runtime.NumGoroutine()
	fds := s.sockets(readers, func(i int) string { return path(match, fmt.Sprintf("?since=%d&reader=%d", s.head(), i)) })
	most := runtime.NumGoroutine()
	var all sync.WaitGroup
	const hands = 8
	for hand := range hands {
		all.Go(func() {
			b := make([]byte, 4<<10)
			for i := hand; i < readers; i += hands {
				for {
					n, err := syscall.Read(fds[i], b)
					if n == 0 {
						break
					}
					if err != nil {
						t.Errorf("reader %d: %v", i, err)
						return
					}
				}
				mu.Lock()
				expires := until[strconv.Itoa(i)]
				mu.Unlock()
				if early := time.Until(expires); early > time.Millisecond { // the epoll engine counts milliseconds
					t.Errorf("reader %d has ended %v before its permission", i, early)
				}
			}
		})
	}
	all.Wait()
	hangUp(fds)
	s.Eventually("all readers have ended", func() bool { return s.stats().Readers.Load() == 0 })
	if most > idle+readers/2 {
		t.Errorf("%d readers have %d goroutines", readers, most-idle)
	}
}
