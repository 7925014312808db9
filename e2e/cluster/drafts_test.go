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
			due["draft/"+made.ID] = schedule(t, taker.url, made.ID, 2*time.Second+time.Duration(i)*100*time.Millisecond)
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

// schedule schedules a draft for soon, and returns when that is. A time that has passed before the node has the request is refused, so
// a slow machine gets a later one.
func schedule(t *testing.T, url, id string, soon time.Duration) (at time.Time) {
	t.Helper()
	lost := false // an answer was lost: the draft may be scheduled
	for late := time.Now().Add(hang); time.Now().Before(late); {
		at = time.Now().Add(soon)
		status, _, err := request(t.Context(), url, http.MethodPost, "/match/drafts/"+id+"/schedule", map[string]any{"at": at}, nil)
		switch {
		case status == http.StatusOK, status == http.StatusConflict && lost: // it has come out
			return at
		case status == http.StatusBadRequest:
			soon *= 2
		case status == http.StatusServiceUnavailable || unread(err):
			lost = true
			pause(t.Context(), 50*time.Millisecond)
		default:
			t.Fatalf("schedule: %d, %v", status, err)
		}
	}
	t.Fatal("the draft can't be scheduled")
	return at
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
