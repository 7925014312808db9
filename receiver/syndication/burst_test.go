package syndication

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A hub tells two nodes of 1,000 entries, each twice. One node dies in the middle, and the hub tells the other one again what was
// not acknowledged. Each entry becomes one post.
func TestBurst(t *testing.T) {
	const documents, entries = 100, 10
	store, web, h, first := subscribed(t)
	var callback, secret, topic string
	for c, f := range h.subscriptions() {
		callback, secret, topic = strings.TrimPrefix(c, first.kit.PublicURL), f.Get("hub.secret"), f.Get("hub.topic")
	}

	kit := newKit(t, store)
	kit.PublicURL = first.kit.PublicURL
	dead := newKit(t, store)
	dead.PublicURL = first.kit.PublicURL
	mortal := &dying{Sink: store}
	mortal.left.Store(documents * entries / 4)
	dead.Sink = mortal
	var bases []string
	for _, r := range []*Receiver{
		newReceiver(t, dead, nil, web.URL+"/feed=match-42"), newReceiver(t, kit, nil, web.URL+"/feed=match-42"),
	} {
		bases = append(bases, serve(t, func() *Receiver { return r }).URL)
	}
	var failed atomic.Int64
	queue := make(chan int)
	var hub sync.WaitGroup
	for range 8 {
		hub.Go(func() {
			for n := range queue {
				var items []item
				for i := range entries {
					id := n%documents*entries + i
					items = append(items, item{id: fmt.Sprint("burst-", id), content: fmt.Sprintf("entry %d.", id), minute: id + 1})
				}
				document := atomOf("", items...)
				for attempt := n; ; attempt++ {
					status := distribute(t, bases[attempt%2]+callback, atomType, document, "sha256="+signature("sha256", secret, document), topic)
					if status == http.StatusOK {
						break
					}
					if failed.Add(1) > 2*documents*2 || status != http.StatusServiceUnavailable {
						t.Errorf("document %d: status %d", n, status)
						break
					}
				}
			}
		})
	}
	for n := range 2 * documents {
		queue <- n
	}
	close(queue)
	hub.Wait()
	seen := map[string]int{}
	for _, p := range posts(t, store) {
		seen[textOf(p)]++
	}
	for id := range documents * entries {
		n := 0
		for text, times := range seen {
			if strings.Contains(text, fmt.Sprintf("entry %d.", id)) {
				n += times
			}
		}
		if n != 1 {
			t.Errorf("entry %d has become %d posts", id, n)
		}
	}
	if failed.Load() == 0 {
		t.Error("no delivery failed, so nothing was shown")
	}
}
