//go:build linux

package upgrade

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
)

// newsroom writes to channels, by several writers at once, through all nodes in turn.
type newsroom struct {
	t       *testing.T
	writers []*writer
	stop    func() // ends the writing
}

// writer makes one change after the other, and knows what was acknowledged. Nobody else writes to its channels.
type writer struct {
	name   string
	by     []*client.Client
	strict bool // the server never leaves a request without an answer
	began  time.Time
	made   atomic.Int64
	acked  map[motacilla.ChannelID]map[string]*client.Post // by message ID
	list   []motacilla.ChannelID
}

// mostPosts is how many posts a channel has at a time, so that a reader's first page has them all.
const mostPosts = 12

// stalled is the time after which a connection may end because the machine stalls: the server and the test are given too little of it.
const stalled = 5 * time.Second

// open makes the channels, and returns a newsroom with n writers.
func open(t *testing.T, n int, list []motacilla.ChannelID, strict bool, nodes ...*server) *newsroom {
	t.Helper()
	room := &newsroom{t: t, stop: func() {}}
	for i := range n {
		w := &writer{name: fmt.Sprint("w", i), strict: strict, acked: make(map[motacilla.ChannelID]map[string]*client.Post)}
		for _, node := range nodes {
			c, err := client.New(node.url, &client.Options{
				Token: token, HTTP: node.client(), Attempts: 1000, MinWait: 20 * time.Millisecond, MaxWait: 200 * time.Millisecond, Retry: w.retry,
			})
			if err != nil {
				t.Fatal(err)
			}
			w.by = append(w.by, c)
		}
		room.writers = append(room.writers, w)
	}
	for i, ch := range list {
		w := room.writers[i%n]
		w.began = time.Now()
		if _, err := w.by[0].CreateChannel(t.Context(), client.NewChannel{ID: ch}); err != nil {
			t.Fatal(err)
		}
		w.list = append(w.list, ch)
		w.acked[ch] = make(map[string]*client.Post)
	}
	return room
}

// retry decides whether a call is sent again: if the store is busy, and if the server may be away.
func (w *writer) retry(err error, _ time.Duration) error {
	defer func() { w.began = time.Now() }()
	var answer *client.Error
	if w.strict && !errors.As(err, &answer) && time.Since(w.began) < stalled {
		return fmt.Errorf("the server left a request without an answer: %w", err)
	}
	return nil
}

// goOn writes perSecond changes a second until stop is called.
func (room *newsroom) goOn(perSecond int) {
	ctx, cancel := context.WithCancel(room.t.Context())
	due := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		defer close(due)
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			select {
			case due <- struct{}{}:
			default: // all writers are busy
			}
		}
	})
	for _, w := range room.writers {
		work.Go(func() {
			for range due {
				if err := w.write(room.t.Context()); err != nil {
					room.t.Errorf("%s: %v", w.name, err)
					return
				}
			}
		})
	}
	room.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	room.t.Cleanup(room.stop)
}

// write makes one random change.
func (w *writer) write(ctx context.Context) error {
	made := w.made.Add(1)
	w.began = time.Now()
	ch := w.list[rand.IntN(len(w.list))]
	by := w.by[int(made)%len(w.by)]
	posts := w.acked[ch]
	text := fmt.Sprintf("change %d of %s. %s", made, w.name, strings.Repeat("It is raining on the pitch. ", rand.IntN(20)))
	what := rand.IntN(10)
	if len(posts) == 0 || what < 4 && len(posts) < mostPosts {
		message := fmt.Sprintf("%s-%d", w.name, made)
		post, err := by.CreatePost(ctx, ch, client.NewPost{Text: text, MessageID: message})
		if err == nil {
			posts[message] = &post
		}
		return err
	}
	for message, p := range posts { // the first is any
		if what < 9 {
			changed, err := by.EditPost(ctx, ch, p.ID, client.PostChange{Text: text})
			if err == nil {
				posts[message] = &changed
			}
			return err
		}
		err := by.DeletePost(ctx, ch, p.ID, 0)
		if err == nil {
			delete(posts, message)
		}
		return err
	}
	return nil
}

// made returns how many changes there were.
func (room *newsroom) made() (n int) {
	for _, w := range room.writers {
		n += int(w.made.Load())
	}
	return n
}

// truth returns what the store holds, and checks that it is what was acknowledged. Nobody may write meanwhile.
func (room *newsroom) truth() crowd.Truth {
	room.t.Helper()
	truth := crowd.Truth{}
	for _, w := range room.writers {
		for _, ch := range w.list {
			w.began = time.Now()
			page, err := w.by[0].PostPage(room.t.Context(), ch, "", client.MaxPage)
			if err != nil {
				room.t.Fatal(err)
			}
			posts := make(map[motacilla.PostID]motacilla.Revision)
			left := len(w.acked[ch])
			for _, p := range page.Posts {
				posts[p.ID] = p.Revision
				switch kept := w.acked[ch][p.MessageID]; {
				case kept == nil:
					room.t.Errorf("%s has the post %s, which is not among those of %s", ch, p.MessageID, w.name)
				case kept.ID != p.ID || kept.Revision != p.Revision:
					room.t.Errorf("%s has the post %s at %d, expected %d", ch, p.MessageID, p.Revision, kept.Revision)
				default:
					left--
				}
			}
			if left > 0 || page.Next != "" {
				room.t.Errorf("%d acknowledged posts of %s are not in the store", left, ch)
			}
			truth[ch] = crowd.Content{Head: page.Head, Posts: posts}
		}
	}
	return truth
}
