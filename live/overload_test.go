package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"github.com/prometheus/client_golang/prometheus"
)

// slow is a store whose writes of posts take each at least a time, one after the other. While it is shut, none begins.
type slow struct {
	storage.Store
	each time.Duration
	turn chan struct{} // has one token

	mu   sync.Mutex
	shut chan struct{} // closed if the store is open
}

func newSlow(t *testing.T, each time.Duration) *slow {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "posts.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: match, Title: "The match"}, 0); err != nil {
		t.Fatal(err)
	}
	s := &slow{Store: store, each: each, turn: make(chan struct{}, 1), shut: make(chan struct{})}
	s.turn <- struct{}{}
	close(s.shut)
	return s
}

// close shuts the store, and returns the function that opens it.
func (s *slow) close() (open func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan struct{})
	s.shut = c
	return sync.OnceFunc(func() { close(c) })
}

func (s *slow) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	s.mu.Lock()
	shut := s.shut
	s.mu.Unlock()
	<-shut
	time.Sleep(s.each)
	return s.Store.PutPost(ctx, ch, p, replaces)
}

// stored returns the message IDs of the posts that the store has.
func (s *slow) stored(t *testing.T) map[string]int {
	t.Helper()
	there := map[string]int{}
	page, err := s.Posts(t.Context(), match, motacilla.Query{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range page.Posts {
		there[p.MessageID]++
	}
	return there
}

// writer writes posts over HTTP, and notes what was acknowledged and what was refused.
type writer struct {
	t    *testing.T
	site *site

	mu              sync.Mutex
	stored, refused map[string]bool
}

func (w *writer) post(id string) (stored bool) {
	a := w.site.ask("POST", base+"/api/channels/match/posts", fmt.Sprintf(`{"text":"news","message_id":%q}`, id),
		"Content-Type", "application/json", "Authorization", "Bearer "+secret)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch a.Code {
	case http.StatusCreated:
		w.stored[id] = true
		return true
	case http.StatusServiceUnavailable:
		w.refused[id] = true
		var p struct {
			Status        int
			Title, Detail string
		}
		after, err := strconv.Atoi(a.Header().Get("Retry-After"))
		if err != nil || after < 1 || after > 20 || json.Unmarshal(a.Body.Bytes(), &p) != nil || !strings.Contains(p.Detail, "overloaded") {
			w.t.Errorf("refused with Retry-After %q and %s", a.Header().Get("Retry-After"), a.Body)
		}
	default:
		w.t.Errorf("%s is answered %d: %s", id, a.Code, a.Body)
	}
	return false
}

// TestOverload: while the store does not answer, a few writes wait and the others are refused at once. Readers get what comes
// meanwhile. When the store answers again, what waited is stored, what was refused is not, and nothing is refused any more.
func TestOverload(t *testing.T) {
	t.Parallel()
	store, registry := newSlow(t, 0), prometheus.NewRegistry()
	o := options(t)
	o.Store, o.Metrics = store, registry
	s := start(t, o)
	w := &writer{t: t, site: s, stored: map[string]bool{}, refused: map[string]bool{}}
	w.post("before")
	first := update(t, s.ask("GET", base+"/live/interval-polling/match/?since=0", "").Body)

	open := store.close()
	defer open()
	var waiting sync.WaitGroup
	var next atomic.Int64
	refused := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.refused)
	}
	await(t, "a write is refused", func() bool {
		waiting.Go(func() { w.post(fmt.Sprint("w", next.Add(1))) })
		return refused() > 0
	})
	for range 100 { // in this goroutine: none waits
		if w.post(fmt.Sprint("w", next.Add(1))) {
			t.Error("a write is stored while the store does not answer")
		}
	}
	if _, err := s.Ingest("shop").Put(t.Context(), match, receiver.Message{ID: "mine", Text: "x"}); !errors.Is(err, motacilla.ErrOverloaded) {
		t.Errorf("a write of the app ends with %v", err)
	}
	await(t, "as many writes are counted as were refused", func() bool { // the last write that was begun above may be refused only now
		n, _ := counted(t, registry, "motacilla_writes_refused_total", nil)
		return int(n) == refused()+1
	})
	if n, _ := counted(t, registry, "motacilla_writes_waiting", nil); n < 16 {
		t.Errorf("%v writes wait", n)
	}
	// Another node writes: readers of this one must get it.
	if _, err := store.Store.PutPost(t.Context(), match, motacilla.Post{MessageID: "other", Show: true}, 0); err != nil {
		t.Fatal(err)
	}
	u := update(t, s.ask("GET", fmt.Sprintf("%s/live/long-polling/match/?since=%d", base, first.Revision), "").Body)
	if len(u.Renders) != 1 {
		t.Errorf("a reader got %d posts of another node, want 1", len(u.Renders))
	}
	if a := s.ask("GET", base+"/channels/match/", ""); a.Code != http.StatusOK {
		t.Errorf("the page is answered %d", a.Code)
	}

	open()
	waiting.Wait()
	for i := range 50 {
		if id := fmt.Sprint("after", i); !w.post(id) {
			t.Errorf("%s is refused although the store answers", id)
		}
	}
	there := store.stored(t)
	for id := range w.stored {
		if there[id] != 1 {
			t.Errorf("%s was acknowledged, and the store has %d of it", id, there[id])
		}
	}
	for id := range w.refused {
		if there[id] != 0 {
			t.Errorf("%s was refused, and the store has it", id)
		}
	}
	if len(there) != len(w.stored)+1 {
		t.Errorf("the store has %d posts; %d were acknowledged, and another node made one", len(there), len(w.stored))
	}
}

// TestSlowStore: writers that come again when they are refused get everything stored once, by a store that does some hundred writes
// in a second.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	const writers, each = 80, 3
	store := newSlow(t, time.Millisecond)
	o := options(t)
	o.Store = store
	s := start(t, o)
	w := &writer{t: t, site: s, stored: map[string]bool{}, refused: map[string]bool{}}
	open := store.close() // so that all come at once
	var all sync.WaitGroup
	var begun atomic.Int64
	for n := range writers {
		all.Go(func() {
			for i := range each {
				begun.Add(1)
				for !w.post(fmt.Sprintf("w%d.%d", n, i)) {
					time.Sleep(200 * time.Millisecond)
				}
			}
		})
	}
	await(t, "all have begun", func() bool { return begun.Load() >= writers })
	open()
	all.Wait()
	there := store.stored(t)
	if len(there) != writers*each {
		t.Errorf("the store has %d posts, want %d", len(there), writers*each)
	}
	for id, n := range there {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	t.Logf("%d of %d writes were refused at least once", len(w.refused), writers*each)
}

// TestLoneSlowWrites: writes that come one after the other are never refused, however long the store takes.
func TestLoneSlowWrites(t *testing.T) {
	t.Parallel()
	store := newSlow(t, 1100*time.Millisecond)
	o := options(t)
	o.Store = store
	s := start(t, o)
	w := &writer{t: t, site: s, stored: map[string]bool{}, refused: map[string]bool{}}
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() { w.post(fmt.Sprint("a", i)) })
	}
	all.Wait()
	if !w.post("alone") || len(w.refused) > 0 {
		t.Errorf("%d writes were refused", len(w.refused))
	}
}
