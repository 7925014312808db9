//go:build linux

package loadtest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// caches are those that docs/caching.md has a configuration for.
var caches = map[string]func(t *testing.T, upstream string) string{"nginx": behindNginx, "varnish": behindVarnish}

// TestHeldBehindCache checks what docs/caching.md promises of long polling: the requests of all readers are one request to
// the server, for each update and for each round without one.
func TestHeldBehindCache(t *testing.T) {
	t.Parallel()
	const updates = 10
	readers := readers(300)
	for name, behind := range caches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files(t, uint64(3*readers))
			p := serve(t, "storage: {type: memory}\npublishers: [{type: long-polling, hold: 4s}]\n")
			w := newWriter(t, p, 300, 50)
			o := watch(t, p, "/live/long-polling/")
			_, head := w.truth(t)
			h := hold(t, behind(t, o.addr), readers, head)
			h.until("each reader has an answer", func() bool { return h.empty >= readers })

			before, _ := o.count()
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for n := range updates {
				<-tick.C
				body := map[string]any{"text": fmt.Sprintf("Post %d", n)}
				status, answer, err := w.call(t.Context(), http.MethodPost, "/"+channelID+"/posts", body)
				if err != nil || status != http.StatusCreated {
					t.Fatalf("post: %d %s %v", status, answer, err)
				}
				shown := time.Now()
				_, head = w.truth(t)
				h.mu.Lock()
				h.posts = append(h.posts, post{head, shown})
				h.mu.Unlock()
				h.until("all readers have the post", func() bool { return h.at[head] == readers })
			}
			asked, _ := o.count()
			h.mu.Lock()
			slices.Sort(h.late)
			t.Logf("%d updates to %d readers were %d requests; a post is seen after %v (median), %v (99 of 100), %v (the last)", updates,
				readers, asked-before, h.late[len(h.late)/2], h.late[len(h.late)*99/100], h.late[len(h.late)-1])
			h.mu.Unlock()
			if asked-before > 2*updates+1 {
				t.Errorf("%d requests reach the server for %d updates\n%s", asked-before, updates, o.often(1))
			}

			// Nothing is new. In each round there is one request, whose answer is everybody's.
			h.mu.Lock()
			quiet := h.empty
			h.mu.Unlock()
			before = asked
			h.until("four rounds are over", func() bool { return h.empty >= quiet+4*readers })
			asked, _ = o.count()
			t.Logf("four rounds of %d readers were %d requests", readers, asked-before)
			if asked-before > 2*5 {
				t.Errorf("%d requests reach the server in four rounds\n%s", asked-before, o.often(1))
			}
			if o.mu.Lock(); o.most > 3 {
				t.Errorf("%d requests are held by the server at a time", o.most)
			}
			o.mu.Unlock()
		})
	}
}
