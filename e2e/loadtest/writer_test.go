//go:build linux

package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/load"
)

const channelID = "load"

// writer writes to the channel by REST, as a newsroom does: it creates, edits and removes posts. It repeats what was not
// acknowledged because the server was away.
type writer struct {
	base string
	size int // bytes of a post's text
	most int // posts at a time; the first page of a reader holds them all

	stop func() // ends the writing of every and waits for it

	mu    sync.Mutex
	wrote int
	posts []motacilla.PostID
}

func newWriter(t *testing.T, p *program, size, most int) *writer {
	t.Helper()
	w := &writer{base: "http://" + p.addr + "/api/channels", size: size, most: most}
	status, body, err := w.call(t.Context(), http.MethodPost, "", map[string]any{"id": channelID, "title": "Load"})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("make the channel: %d %s %v", status, body, err)
	}
	return w
}

func (w *writer) call(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := plain.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// must makes a call that the server must take.
func (w *writer) must(t *testing.T, method, path string, body any) {
	t.Helper()
	if status, answer, err := w.call(t.Context(), method, path, body); err != nil || status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
}

// insist repeats a call until the server answers with one of the statuses.
func (w *writer) insist(ctx context.Context, method, path string, body any, statuses string) ([]byte, error) {
	for {
		status, answer, err := w.call(ctx, method, path, body)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && strings.Contains(statuses, fmt.Sprint(status)):
			return answer, nil
		case err == nil && status < 500:
			return nil, fmt.Errorf("%s %s: %d %s", method, path, status, answer)
		}
		select { // the server is away
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// write makes one random change.
func (w *writer) write(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote++
	text := fmt.Sprintf("Update %d. %s", w.wrote, strings.Repeat("It is raining on the pitch. ", w.size/28))
	const posts = "/" + channelID + "/posts"
	at := 0
	if len(w.posts) > 0 {
		at = rand.IntN(len(w.posts))
	}
	switch what := rand.IntN(10); {
	case len(w.posts) == 0, what < 5 && len(w.posts) < w.most:
		answer, err := w.insist(ctx, http.MethodPost, posts,
			map[string]any{"text": text, "message_id": fmt.Sprint(w.wrote)}, "200 201")
		if err != nil {
			return err
		}
		var made struct{ ID motacilla.PostID }
		if err := json.Unmarshal(answer, &made); err != nil {
			return err
		}
		w.posts = append(w.posts, made.ID)
	case what < 9:
		_, err := w.insist(ctx, http.MethodPatch, posts+"/"+string(w.posts[at]), map[string]any{"text": text}, "200")
		return err
	default:
		if _, err := w.insist(ctx, http.MethodDelete, posts+"/"+string(w.posts[at]), nil, "204 404"); err != nil {
			return err
		}
		w.posts[at] = w.posts[len(w.posts)-1]
		w.posts = w.posts[:len(w.posts)-1]
	}
	return nil
}

// written starts the program with more configuration. A writer has written a post and goes on once per pause until its stop
// is called.
func written(t *testing.T, yaml string, size, most int, pause time.Duration) (*program, *writer) {
	t.Helper()
	p := serve(t, yaml)
	w := newWriter(t, p, size, most)
	if err := w.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.every(t, pause)
	return p, w
}

// every writes once per pause until stop is called, or the test ends.
func (w *writer) every(t *testing.T, pause time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			whole, end := context.WithTimeout(context.WithoutCancel(ctx), patience)
			err := w.write(whole)
			end()
			if err != nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	})
	w.stop = func() {
		cancel()
		working.Wait()
	}
	t.Cleanup(w.stop)
}

// more lets a crowd read while n changes are written.
func (w *writer) more(t *testing.T, c *load.Crowd, n int) {
	t.Helper()
	wrote := w.count()
	if err := c.Until(func() bool { return w.count() >= wrote+n }, patience); err != nil {
		t.Fatalf("read while %d changes are written: %v", n, err)
	}
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrote
}

// truth returns what the store holds, and the head.
func (w *writer) truth(t *testing.T) (posts map[motacilla.PostID]motacilla.Revision, head motacilla.Revision) {
	t.Helper()
	answer, err := w.insist(t.Context(), http.MethodGet, "/"+channelID+"/posts?limit=100", nil, "200")
	if err != nil {
		t.Fatal(err)
	}
	var listing struct {
		Posts []struct {
			ID       motacilla.PostID
			Revision motacilla.Revision
		}
		Head motacilla.Revision
		Next *string
	}
	if err := json.Unmarshal(answer, &listing); err != nil {
		t.Fatal(err)
	}
	if listing.Next != nil {
		t.Fatal("more than 100 posts: a reader's first page would not be complete")
	}
	posts = make(map[motacilla.PostID]motacilla.Revision)
	for _, p := range listing.Posts {
		posts[p.ID] = p.Revision
	}
	return posts, listing.Head
}
