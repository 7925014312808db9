package publisher_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// TestFeedUnderFaults makes random changes and faults while readers of each kind come, wait, leave and come back. From time to
// time all faults end; every reader must then hold what the store has. MOTACILLA_OPERATIONS is how many changes there are.
func TestFeedUnderFaults(t *testing.T) {
	operations := 2000
	if n, err := strconv.Atoi(os.Getenv("MOTACILLA_OPERATIONS")); err == nil {
		operations = n
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("MOTACILLA_SEED"), 10, 64); err == nil {
		seed = n
	}
	const each = 2000 // changes in one life of a feed
	for i := range max(operations/each, 1) {
		synctest.Test(t, func(t *testing.T) { newWorld(t, seed+uint64(i)).run(min(each, operations)) })
		if t.Failed() {
			return
		}
	}
}

// world is a store with faults, a feed and its readers.
type world struct {
	*testing.T
	seed    uint64
	feed    *publisher.Feed
	streams *publisher.Streams
	readers []*viewer
	all     sync.WaitGroup // the readers' goroutines
	stop    context.CancelFunc
	ctx     context.Context

	mu      sync.Mutex
	rng     *rand.Rand
	store   storage.Store
	moved   chan struct{} // closed when the store is another one, or the store's hints end
	down    bool          // the store is out of reach
	deaf    bool          // hints are lost
	slow    time.Duration // how long a call may take
	calm    bool          // no faults
	access  []accessAt    // of the channel, oldest first
	alive   bool          // there is a channel
	lossy   bool          // the store has lost writes, and has had no barrier since
	posts   []motacilla.PostID
	backups []storage.Store
	closers []storage.Store
}

type accessAt struct {
	revision motacilla.Revision
	public   bool
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{T: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), store: memory.New(nil), moved: make(chan struct{})}
	w.closers = append(w.closers, w.store)
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.create()
	w.feed = publisher.NewFeed(w, renderFunc(plain), &publisher.FeedOptions{
		PageSize: 5, CatchUp: 12, Window: 8, Linger: 5 * time.Second, Heartbeat: 3 * time.Second,
	})
	if err := w.feed.Start(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.streams = publisher.NewStreams(w.feed, &publisher.Wire{Name: "model", Format: publisher.JSON})
	for i := range 4 {
		w.follow(&viewer{name: fmt.Sprint("poll ", i), step: (*viewer).poll})
		w.follow(&viewer{name: fmt.Sprint("held poll ", i), step: (*viewer).hold})
		w.follow(&viewer{name: fmt.Sprint("stream ", i), step: (*viewer).stream})
		w.follow(&viewer{name: fmt.Sprint("guarded stream ", i), step: (*viewer).stream, guarded: true})
	}
	w.all.Go(w.invent)
	w.all.Go(w.windows)
	return w
}

// chance returns a random number below n.
func (w *world) chance(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *world) pause(most time.Duration) { time.Sleep(time.Duration(w.chance(int(most)))) }

// call is one call to the store, with its faults.
func (w *world) call(ctx context.Context) (storage.Store, error) {
	w.mu.Lock()
	down, store, wait := w.down, w.store, time.Duration(0)
	if w.slow > 0 {
		wait = time.Duration(w.rng.IntN(int(w.slow)))
	}
	w.mu.Unlock()
	if down {
		return nil, motacilla.ErrUnavailable
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return store, nil
}

// after makes an answer come late.
func (w *world) after() {
	w.mu.Lock()
	wait := time.Duration(0)
	if w.slow > 0 {
		wait = time.Duration(w.rng.IntN(int(w.slow)))
	}
	w.mu.Unlock()
	time.Sleep(wait)
}

func (w *world) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	store, err := w.call(ctx)
	if err != nil {
		return motacilla.Channel{}, err
	}
	defer w.after()
	return store.Channel(ctx, id)
}

func (w *world) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	store, err := w.call(ctx)
	if err != nil {
		return motacilla.Page{}, err
	}
	defer w.after()
	return store.Posts(ctx, ch, q)
}

func (w *world) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	store, err := w.call(ctx)
	if err != nil {
		return motacilla.Changes{}, err
	}
	defer w.after()
	return store.Changes(ctx, ch, since, limit)
}

func (w *world) Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error) {
	store, err := w.call(ctx)
	if err != nil {
		return nil, err
	}
	defer w.after()
	return store.Heads(ctx, chs)
}

func (w *world) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	w.mu.Lock()
	store, moved, down := w.store, w.moved, w.down
	w.mu.Unlock()
	if down {
		return motacilla.ErrUnavailable
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-moved:
			cancel()
		case <-ctx.Done():
		}
	}()
	return store.Watch(ctx, func(m motacilla.Moved) {
		w.mu.Lock()
		lost := w.deaf || !w.calm && w.rng.IntN(20) == 0
		w.mu.Unlock()
		if !lost || m == (motacilla.Moved{}) {
			notify(m)
		}
	})
}

// run makes so many changes.
func (w *world) run(operations int) {
	defer func() {
		w.stop()
		w.all.Wait()
		_ = w.feed.Close()
		for _, s := range w.closers {
			_ = s.Close()
		}
	}()
	for i := range operations {
		w.change()
		w.fault()
		if w.chance(3) == 0 {
			w.pause(100 * time.Millisecond)
		}
		if i%100 == 99 && !w.settle() {
			w.Fatalf("seed %d: after %d changes", w.seed, i+1)
		}
	}
}

// create makes the channel. w.mu is not held.
func (w *world) create() {
	c, err := w.store.PutChannel(w.ctx, motacilla.Channel{ID: match, Title: fmt.Sprint("life ", w.chance(1e6)), Access: motacilla.Public}, 0)
	if err != nil {
		w.Fatalf("seed %d: create the channel: %v", w.seed, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive, w.posts = true, nil
	w.access = append(w.access, accessAt{c.Head, true})
}

// change makes one random change of the channel.
func (w *world) change() {
	if !w.alive {
		if w.chance(4) == 0 {
			w.create()
		}
		return
	}
	n := w.chance(100)
	if len(w.posts) == 0 {
		n = 0
	}
	text := []motacilla.Block{motacilla.PlainText(fmt.Sprint("text ", w.chance(1e9)))}
	at := w.chance(max(len(w.posts), 1))
	var err error
	edit := func(change func(p *motacilla.Post)) {
		_, err = storage.Edit(w.ctx, w.store, match, w.posts[at], func(p *motacilla.Post) error { change(p); return nil })
	}
	switch {
	case n < 30:
		p := motacilla.Post{Show: w.chance(10) > 0, Pinned: w.chance(15) == 0, Content: text}
		if w.chance(8) == 0 {
			p.Created = time.Now().Add(-time.Duration(w.chance(60)) * time.Second)
		}
		if p, err = w.store.PutPost(w.ctx, match, p, 0); err == nil {
			w.posts = append(w.posts, p.ID)
		}
	case n < 55:
		edit(func(p *motacilla.Post) { p.Content = text })
	case n < 65:
		edit(func(p *motacilla.Post) { p.Show = !p.Show })
	case n < 70:
		edit(func(p *motacilla.Post) { p.Pinned = !p.Pinned })
	case n < 75:
		earlier := time.Duration(w.chance(2e6)-1e6) * time.Microsecond
		edit(func(p *motacilla.Post) { p.Created = p.Created.Add(earlier) })
	case n < 90:
		_, err = w.store.DeletePost(w.ctx, match, w.posts[at], 0)
		w.posts = append(w.posts[:at:at], w.posts[at+1:]...)
	case n < 97:
		_, err = storage.EditChannel(w.ctx, w.store, match, func(c *motacilla.Channel) error {
			c.Title = fmt.Sprint("title ", n, text[0].Text)
			return nil
		})
	default:
		opens := !w.access[len(w.access)-1].public
		if opens { // noted before: a reader may get what is public now at once
			w.set(func() { w.access = append(w.access, accessAt{motacilla.Revision(time.Now().UnixMicro()), true}) })
		}
		var c motacilla.Channel
		c, err = storage.EditChannel(w.ctx, w.store, match, func(c *motacilla.Channel) error {
			c.Access = motacilla.Private
			if opens {
				c.Access = motacilla.Public
			}
			return nil
		})
		if !opens {
			w.set(func() { w.access = append(w.access, accessAt{c.Head, false}) })
		}
	}
	if err != nil {
		w.Fatalf("seed %d: change: %v", w.seed, err)
	}
}

// fault makes or ends a random fault.
func (w *world) fault() {
	switch n := w.chance(300); {
	case n < 4:
		w.set(func() { w.down = true })
	case n < 30:
		w.set(func() { w.down = false })
	case n < 34:
		w.set(func() { w.deaf = true })
	case n < 44:
		w.set(func() { w.deaf = false })
	case n < 50:
		slow := []time.Duration{0, 10 * time.Millisecond, 300 * time.Millisecond, 5 * time.Second}[w.chance(4)]
		w.set(func() { w.slow = slow })
	case n < 53:
		w.set(func() { close(w.moved); w.moved = make(chan struct{}) }) // hints end
	case n < 54:
		at := motacilla.Revision(time.Now().UnixMicro())
		if _, err := w.store.(storage.Mover).Barrier(w.ctx, match, at); err != nil {
			w.Fatalf("seed %d: %v", w.seed, err)
		}
	case n < 57:
		if w.alive {
			w.backups = append(w.backups, fixture{T: w.T, store: w.store}.restored())
			w.closers = append(w.closers, w.backups[len(w.backups)-1])
		}
	case n < 59:
		w.restore()
	case n < 60 && w.alive:
		if _, err := w.store.DeleteChannel(w.ctx, match); err != nil {
			w.Fatalf("seed %d: %v", w.seed, err)
		}
		w.set(func() { w.alive = false })
	}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// restore puts the store back to a backup. What was lost is never issued again, since time has passed.
func (w *world) restore() {
	if len(w.backups) == 0 {
		return
	}
	time.Sleep(time.Second / 10)
	i := w.chance(len(w.backups))
	store := w.backups[i]
	w.backups = w.backups[:i]
	c, err := store.Channel(w.ctx, match)
	if err != nil {
		w.Fatalf("seed %d: %v", w.seed, err)
	}
	page, err := store.Posts(w.ctx, match, motacilla.Query{Limit: 100_000})
	if err != nil {
		w.Fatalf("seed %d: %v", w.seed, err)
	}
	w.lossy = true
	w.set(func() {
		close(w.moved)
		w.store, w.moved, w.alive, w.posts = store, make(chan struct{}), true, nil
		for _, p := range page.Posts {
			w.posts = append(w.posts, p.ID)
		}
		w.access = append(w.access, accessAt{motacilla.Revision(time.Now().UnixMicro()), c.Access == motacilla.Public})
	})
}

// settle ends all faults, and compares what the readers hold with the store when nothing moves any more.
func (w *world) settle() bool {
	w.set(func() { w.down, w.deaf, w.slow, w.calm = false, false, 0, true })
	if !w.alive {
		w.create()
	}
	c := w.rest()
	if w.lossy {
		// What a snapshot says of title and pinned posts may be newer than its revision. A store that has lost the former
		// and kept the latter needs a barrier.
		for _, v := range w.readers {
			if at := v.cursor(); at != c.Head && (!v.guarded || c.Access == motacilla.Public) {
				w.Errorf("%s is at %d, the store that has lost writes at %d", v.name, at, c.Head)
			}
		}
		if _, err := w.store.(storage.Mover).Barrier(w.ctx, match, motacilla.Revision(time.Now().UnixMicro())); err != nil {
			w.Fatal(err)
		}
		w.lossy = false
		c = w.rest()
	}
	f := fixture{T: w.T, store: w.store}
	for _, v := range w.readers {
		if v.guarded && c.Access != motacilla.Public {
			continue
		}
		v.mu.Lock()
		if v.view.Revision != c.Head || v.view.Gone || v.view.State.Title != c.Title {
			w.Errorf("%s is at %d (gone %v), title %q; the store is at %d, title %q",
				v.name, v.view.Revision, v.view.Gone, v.view.State.Title, c.Head, c.Title)
		} else {
			f.same(&v.view)
		}
		v.mu.Unlock()
	}
	if known, err := w.feed.Channel(w.ctx, match); err != nil || known != c {
		w.Errorf("memory has %+v, %v; the store has %+v", known, err, c)
	}
	window, err := publisher.WagtailOf(w.feed).Window(w.ctx, match)
	all, errAll := w.store.Posts(w.ctx, match, motacilla.Query{Limit: 8})
	if err != nil || errAll != nil || window.Head != c.Head || len(window.Posts) != len(all.Posts) {
		w.Errorf("the window: %+v, %v", window, err)
	} else {
		for i, r := range window.Posts {
			if p := all.Posts[i]; r.ID != p.ID || r.Revision != p.Revision {
				w.Errorf("post %d of the window is %s at %d, want %s at %d", i, r.ID, r.Revision, p.ID, p.Revision)
			}
		}
	}
	w.set(func() { w.calm = false })
	return !w.Failed()
}

// rest waits until nothing moves any more, and returns the channel.
func (w *world) rest() motacilla.Channel {
	time.Sleep(time.Minute) // of the bubble's: longer than anything takes
	synctest.Wait()
	c, err := w.store.Channel(w.ctx, match)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// readable reports whether the channel was public at rev, or later.
func (w *world) readable(rev motacilla.Revision) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, a := range w.access {
		if a.public && (i == len(w.access)-1 || w.access[i+1].revision > rev) {
			return true
		}
	}
	return false
}

// invent asks with cursors that may never have been issued.
func (w *world) invent() {
	for w.ctx.Err() == nil {
		cursor := motacilla.Revision(time.Now().UnixMicro()) - motacilla.Revision(w.chance(1e7)) + 1e5
		ctx, cancel := context.WithTimeout(w.ctx, time.Duration(1+w.chance(int(10*time.Second))))
		_, _ = w.feed.Since(ctx, match, cursor)
		cancel()
		w.pause(200 * time.Millisecond)
	}
}

// windows waits as Wagtail Live's client does.
func (w *world) windows() {
	var after motacilla.Revision
	for w.ctx.Err() == nil {
		head, err := publisher.WagtailOf(w.feed).Wait(w.ctx, match, after)
		if err != nil {
			w.pause(time.Second)
			continue
		}
		after = head
		_, _ = publisher.WagtailOf(w.feed).Window(w.ctx, match)
	}
}
