package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// kept is a post that was acknowledged, in its last state.
type kept struct {
	message      string
	id           motacilla.PostID
	text         string
	show, pinned bool
}

// writer makes one change of a channel after the other, and remembers what was acknowledged. No other writer changes its
// posts.
type writer struct {
	name    string
	base    string
	channel motacilla.ChannelID
	rng     *rand.Rand

	made    int
	posts   []*kept
	head    motacilla.Revision // of its last write
	title   string             // that it gave the channel
	retried int
	slowest time.Duration // of its requests
}

// send repeats a request until it is answered, with the same idempotency key. retried says that an answer may have been
// lost.
func (w *writer) send(ctx context.Context, method, path string, in, out any) (status int, retried bool, err error) {
	for late := time.Now().Add(hang); ; {
		began := time.Now()
		status, header, err := request(ctx, w.base, method, path, in, out)
		w.slowest = max(w.slowest, time.Since(began))
		switch {
		case ctx.Err() != nil:
			return 0, retried, ctx.Err()
		case err != nil: // the node was killed, or the connection cut
		case status != http.StatusServiceUnavailable:
			return status, retried, nil
		case header.Get("Retry-After") == "":
			return 0, retried, errors.New("503 without Retry-After")
		}
		if time.Now().After(late) {
			return 0, retried, fmt.Errorf("%s %s is not answered: %d, %w", method, path, status, err)
		}
		retried = true
		w.retried++
		pause(ctx, 50*time.Millisecond)
	}
}

// slow is how long a write takes if the store is slow. Readers and relays may get the newest page then, in place of what they missed.
const slow = time.Second

// goOn checks that no reader has got the newest page in place of what it missed, after its first page, unless the store was slow.
func goOn(t *testing.T, readers []*reader, writers []*writer) {
	t.Helper()
	for _, w := range writers {
		if w.slowest > slow && !*soak {
			t.Logf("a request of %s has taken %v, so readers may get resets", w.name, w.slowest)
			return
		}
	}
	for _, r := range readers {
		if resets, _, _ := r.count(); resets > 1 {
			t.Errorf("%s: got %d resets, though the store knows every cursor", r.name, resets)
		}
	}
}

// advance checks that each write of a writer has a higher revision than the one before, through whichever node.
func (w *writer) advance(rev motacilla.Revision) error {
	if rev <= w.head {
		return fmt.Errorf("%s: a write got revision %d, after one of %d", w.name, rev, w.head)
	}
	w.head = rev
	return nil
}

// write makes one random change.
func (w *writer) write(ctx context.Context) error {
	n := w.rng.IntN(100)
	if len(w.posts) == 0 {
		n = 0
	}
	w.made++
	text := fmt.Sprintf("change %d of %s", w.made, w.name)
	if n < 40 {
		return w.create(ctx, text)
	}
	at := w.rng.IntN(len(w.posts))
	k := w.posts[at]
	switch {
	case n < 65:
		k.text = text
		return w.patch(ctx, k, map[string]any{"text": text})
	case n < 77:
		k.show = !k.show
		return w.patch(ctx, k, map[string]any{"show": k.show})
	case n < 83:
		k.pinned = !k.pinned
		return w.patch(ctx, k, map[string]any{"pinned": k.pinned})
	case n < 95:
		w.posts[at] = w.posts[len(w.posts)-1]
		w.posts = w.posts[:len(w.posts)-1]
		return w.remove(ctx, k)
	}
	return w.rename(ctx)
}

func (w *writer) create(ctx context.Context, text string) error {
	k := &kept{message: fmt.Sprintf("%s-%d", w.name, w.made), text: text, show: w.rng.IntN(10) > 0, pinned: w.rng.IntN(20) == 0}
	var p postJSON
	status, retried, err := w.send(ctx, http.MethodPost, "/"+string(w.channel)+"/posts", map[string]any{
		"text": text, "message_id": k.message, "show": k.show, "pinned": k.pinned,
	}, &p)
	switch {
	case err != nil:
		return err
	case status != http.StatusCreated && (status != http.StatusOK || !retried):
		return fmt.Errorf("create %s: %d", k.message, status)
	}
	k.id = p.ID
	w.posts = append(w.posts, k)
	return w.advance(p.Revision)
}

func (w *writer) patch(ctx context.Context, k *kept, changes map[string]any) error {
	var p postJSON
	status, _, err := w.send(ctx, http.MethodPatch, "/"+string(w.channel)+"/posts/"+string(k.id), changes, &p)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("edit %s: %d", k.message, status)
	}
	if err != nil {
		return err
	}
	return w.advance(p.Revision)
}

func (w *writer) remove(ctx context.Context, k *kept) error {
	status, retried, err := w.send(ctx, http.MethodDelete, "/"+string(w.channel)+"/posts/"+string(k.id), nil, nil)
	if err == nil && status != http.StatusNoContent && (status != http.StatusNotFound || !retried) {
		err = fmt.Errorf("remove %s: %d", k.message, status)
	}
	return err
}

// rename edits the channel. Only the first writer does so.
func (w *writer) rename(ctx context.Context) error {
	if w.name != "w0" {
		return w.create(ctx, fmt.Sprintf("change %d of %s", w.made, w.name))
	}
	changes := map[string]any{"title": fmt.Sprintf("title %d", w.made), "ended": nil}
	if w.rng.IntN(2) == 0 {
		changes["ended"] = motacilla.FormatTime(time.Now())
	}
	w.title = changes["title"].(string)
	status, _, err := w.send(ctx, http.MethodPatch, "/"+string(w.channel), changes, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("edit the channel: %d", status)
	}
	return err
}

// accounted compares the acknowledged posts with the stored ones: the same posts, in the same state.
func accounted(t *testing.T, l *listing, writers []*writer) {
	t.Helper()
	stored := make(map[string]motacilla.Post)
	for _, p := range l.posts {
		if _, twice := stored[p.MessageID]; twice {
			t.Errorf("message %s is stored twice", p.MessageID)
		}
		stored[p.MessageID] = p
	}
	for _, w := range writers {
		for _, k := range w.posts {
			p, ok := stored[k.message]
			delete(stored, k.message)
			switch {
			case !ok:
				t.Errorf("message %s was acknowledged, and is lost", k.message)
			case p.ID != k.id || p.Show != k.show || p.Pinned != k.pinned || p.Content[0].Text.String() != k.text:
				t.Errorf("message %s is %+v, it should be %+v", k.message, p, *k)
			}
		}
		if w.title != "" && l.channel.Title != w.title {
			t.Errorf("the channel has the title %q, it should be %q", l.channel.Title, w.title)
		}
	}
	for message := range stored {
		t.Errorf("message %s is stored, and should not be", message)
	}
}

// together lets writers make changes in parallel, and calls done after each change.
func together(ctx context.Context, t *testing.T, writers []*writer, changes int, done func()) {
	t.Helper()
	var work sync.WaitGroup
	for _, w := range writers {
		work.Go(func() {
			for range changes {
				if err := w.write(ctx); err != nil {
					t.Errorf("%s: %v", w.name, err)
					return
				}
				done()
			}
		})
	}
	work.Wait()
}
