package cluster

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// A node takes ten drafts for the next seconds, and is killed before they come out. Two other nodes publish them, each once, and one of
// these is killed in the middle. Then a node is killed while it publishes a draft at once, and there is one post of that too.
func TestScheduledDrafts(t *testing.T) {
	each(t, func(t *testing.T, b *backend) {
		const drafts = 10
		taker, dying, other := startNode(t, b.flags(b.addr)...), startNode(t, b.flags(b.addr)...), startNode(t, b.flags(b.addr)...)
		must(t, taker.url, http.MethodPost, "", map[string]any{"id": "match"}, nil)
		due := map[string]time.Time{} // by message ID
		for i := range drafts {
			var made struct{ ID string }
			must(t, taker.url, http.MethodPost, "/match/drafts", map[string]any{"text": fmt.Sprint("draft ", i)}, &made)
			at := time.Now().Add(2*time.Second + time.Duration(i)*100*time.Millisecond)
			must(t, taker.url, http.MethodPost, "/match/drafts/"+made.ID+"/schedule", map[string]any{"at": at}, nil)
			due["draft/"+made.ID] = at
		}
		taker.kill()

		published := func() int {
			var list struct {
				Drafts []struct{ State string }
			}
			must(t, other.url, http.MethodGet, "/match/drafts?state=published", nil, &list)
			return len(list.Drafts)
		}
		for late := time.Now().Add(hang); published() < drafts; pause(t.Context(), 20*time.Millisecond) {
			if dying != nil && published() > drafts/3 {
				dying.kill()
				dying = nil
			}
			if time.Now().After(late) {
				t.Fatal("not all drafts have come out")
			}
		}
		last := once(t, other.url, due)
		t.Logf("the last of %d came out %v after its time", drafts, last)

		again := startNode(t, b.flags(b.addr)...)
		var made struct{ ID string }
		must(t, again.url, http.MethodPost, "/match/drafts", map[string]any{"text": "at once"}, &made)
		go func() {
			_, _, _ = request(t.Context(), again.url, http.MethodPost, "/match/drafts/"+made.ID+"/publish", map[string]any{}, nil)
		}()
		pause(t.Context(), 5*time.Millisecond)
		again.kill() // somewhere in the middle
		must(t, other.url, http.MethodPost, "/match/drafts/"+made.ID+"/publish", map[string]any{}, nil)
		due["draft/"+made.ID] = time.Now()
		once(t, other.url, due)
	})
}

// once checks that there is one post of each message, and returns how late the last one came out.
func once(t *testing.T, url string, due map[string]time.Time) (last time.Duration) {
	t.Helper()
	posts := map[string][]motacilla.Post{}
	for _, p := range list(t, url, "match").posts {
		posts[p.MessageID] = append(posts[p.MessageID], p)
	}
	for id, at := range due {
		if len(posts[id]) != 1 {
			t.Errorf("%s is %d posts", id, len(posts[id]))
			continue
		}
		last = max(last, posts[id][0].Created.Sub(at))
	}
	if len(posts) != len(due) {
		t.Errorf("%d messages, want %d", len(posts), len(due))
	}
	return last
}
