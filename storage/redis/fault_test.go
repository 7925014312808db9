package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/netfault"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/silencetest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// told is a Watch and the highest head that it was told of each channel.
type told struct {
	mu    sync.Mutex
	heads map[motacilla.ChannelID]motacilla.Moved
	fresh chan struct{}
}

func watched(t *testing.T, s *Store) *told {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &told{heads: make(map[motacilla.ChannelID]motacilla.Moved), fresh: make(chan struct{})}
	begun, ended := make(chan struct{}), make(chan error, 1)
	notify := func(m motacilla.Moved) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if m == (motacilla.Moved{}) {
			close(begun)
			return
		}
		if m.Head > w.heads[m.Channel].Head {
			w.heads[m.Channel] = m
		}
		close(w.fresh)
		w.fresh = make(chan struct{})
	}
	go func() {
		err := s.Watch(ctx, notify)
		for errors.Is(err, motacilla.ErrUnavailable) { // it could not begin in time
			err = s.Watch(ctx, notify)
		}
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("Watch: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Watch ended: %v", err)
		}
	})
	return w
}

func (w *told) reaches(t *testing.T, ch motacilla.ChannelID, head motacilla.Revision) motacilla.Moved {
	t.Helper()
	late := time.After(patience)
	for {
		w.mu.Lock()
		m, fresh := w.heads[ch], w.fresh
		w.mu.Unlock()
		if m.Head >= head {
			return m
		}
		select {
		case <-fresh:
		case <-late:
			t.Fatalf("told of %d on channel %s, which is at %d", m.Head, ch, head)
		}
	}
}

// head returns the newest head of ch that was told.
func (w *told) head(ch motacilla.ChannelID) motacilla.Revision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heads[ch].Head
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func channel(t testing.TB, s *Store, id motacilla.ChannelID) motacilla.Channel {
	t.Helper()
	c, err := s.PutChannel(context.Background(), motacilla.Channel{ID: id, Title: "Title"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(t testing.TB, s *Store, ch motacilla.ChannelID, words string) motacilla.Post {
	t.Helper()
	p, err := s.PutPost(context.Background(), ch, post(words), 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func post(words string) motacilla.Post {
	return motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(words))}}
}

// The server is killed under writes, and comes back on what it has on disk.
func TestServerKilled(t *testing.T) {
	server := realserver.NewRedis(t, realserver.DurableRedis()...)
	writing, watching := opened(t, server.URL(), nil), opened(t, server.URL(), nil)
	first := channel(t, writing, "c").Head
	w := watched(t, watching)

	var mu sync.Mutex
	acked := make(map[motacilla.PostID]motacilla.Post)
	failed, wrote := 0, 0
	count := func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		return failed, wrote
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				p, err := writing.PutPost(context.Background(), "c", post(fmt.Sprintf("%d of writer %d", i, n)), 0)
				mu.Lock()
				switch {
				case err == nil:
					acked[p.ID] = p
					wrote++
				case errors.Is(err, motacilla.ErrUnavailable):
					failed++
				default:
					t.Errorf("write: %v", err)
					cancel()
				}
				mu.Unlock()
				if err != nil {
					time.Sleep(time.Millisecond) // no need to fill the machine with failures
				}
			}
		})
	}
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		failures, writes := count()
		until(t, "writes", func() bool { _, n := count(); return n > writes+50 })
		server.Kill()
		until(t, "failures of all writers", func() bool { n, _ := count(); return n > failures+4 })
		if _, err := watching.Channel(t.Context(), "c"); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("a read while the server is gone: %v", err)
		}
		server.Restart(t)
		_, writes = count()
		until(t, "writes after a restart", func() bool { _, n := count(); return n > writes+4 })
	}
	cancel()
	wg.Wait()

	var facts motacilla.Changes
	until(t, "reads after a restart", func() bool { // go-redis looks once a second for a server that was gone for long
		var err error
		facts, err = watching.Changes(t.Context(), "c", first, 0)
		return err == nil
	})
	if !facts.Known {
		t.Fatalf("revision %d is not known; floor is %d", first, facts.Floor)
	}
	stored := make(map[motacilla.PostID]motacilla.Revision)
	for _, p := range facts.Posts {
		stored[p.ID] = p.Revision
	}
	for id, p := range acked {
		if stored[id] != p.Revision {
			t.Errorf("post %s of revision %d was acknowledged and is not stored (%d)", id, p.Revision, stored[id])
		}
	}
	// What was stored and not acknowledged is what was on the way when the server died.
	if extra := len(stored) - len(acked); extra > 4*rounds {
		t.Errorf("%d posts that nobody was told of", extra)
	}
	t.Logf("%d acknowledged, %d stored, %d failed", len(acked), len(stored), failed)
	w.reaches(t, "c", facts.Head)
}

// What moved while the connection was broken is told when it is there again.
func TestWatchTellsWhatItMissed(t *testing.T) {
	server := realserver.NewRedis(t)
	through := netfault.Between(t, server.Addr())
	near, far := opened(t, server.URL(), nil), opened(t, "redis://"+through.Addr(), nil)
	for _, ch := range []motacilla.ChannelID{"moved", "gone", "still"} {
		channel(t, near, ch)
	}
	w := watched(t, far)
	through.Become(t, netfault.Cut())
	moved := text(t, near, "moved", "while nobody listens").Revision
	gone, err := near.DeleteChannel(t.Context(), "gone")
	if err != nil {
		t.Fatal(err)
	}
	made := channel(t, near, "made").Head
	through.Become(t, netfault.Pass())
	w.reaches(t, "moved", moved)
	w.reaches(t, "made", made)
	if m := w.reaches(t, "gone", gone); !m.Deleted {
		t.Errorf("told of %+v", m)
	}
	w.reaches(t, "moved", text(t, near, "moved", "afterwards").Revision)
}

// A connection that passes nothing, and does not break.
func TestHalfOpen(t *testing.T) {
	server := realserver.NewRedis(t)
	through := netfault.Between(t, server.Addr())
	near := opened(t, server.URL(), nil)
	const most = 4 * time.Second
	logged, logs := observer.New(zap.WarnLevel)
	far := hasty(t, "redis://"+through.Addr(), &Options{Timeout: most, Logger: zap.New(logged)})
	slow := hasty(t, "redis://"+through.Addr(), &Options{Timeout: patience}) // for callers who leave before that
	channel(t, near, "c")
	p := text(t, near, "c", "one")
	w := watched(t, far)
	until(t, "a hint arrives", func() bool { // on a busy machine the first ones may be lost
		text(t, near, "c", "two")
		return w.head("c") > p.Revision
	})
	through.Become(t, netfault.HalfOpen())
	ends := func(ctx context.Context, what string, want error, s *Store, do func(ctx context.Context, s *Store) error) {
		t.Helper()
		if err := do(ctx, s); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	var wg sync.WaitGroup
	for what, do := range map[string]func(ctx context.Context, s *Store) error{
		"Channel":  func(ctx context.Context, s *Store) error { _, err := s.Channel(ctx, "c"); return err },
		"Channels": func(ctx context.Context, s *Store) error { _, err := s.Channels(ctx, "", 0); return err },
		"Posts":    func(ctx context.Context, s *Store) error { _, err := s.Posts(ctx, "c", motacilla.Query{}); return err },
		"Ping":     func(ctx context.Context, s *Store) error { return s.Ping(ctx) },
		"CreatePost": func(ctx context.Context, s *Store) error {
			_, err := s.PutPost(ctx, "c", motacilla.Post{}, 0)
			return err
		},
		"UpdatePost": func(ctx context.Context, s *Store) error {
			_, err := storage.Edit(ctx, s, "c", p.ID, func(p *motacilla.Post) error { p.Author = "x"; return nil })
			return err
		},
	} {
		wg.Go(func() { ends(context.Background(), what, motacilla.ErrUnavailable, far, do) })
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			ends(ctx, what+" given up", context.DeadlineExceeded, slow, do)
		})
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			ends(ctx, what+" cancelled", context.Canceled, slow, do)
		})
	}
	wg.Wait()
	// The subscription says nothing for so long that it is given up, and made anew once the network is back.
	moved := text(t, near, "c", "three").Revision
	until(t, "the subscription is given up", func() bool { return logs.FilterMessage("hints broke off; subscribing again").Len() > 0 })
	through.Become(t, netfault.Pass())
	w.reaches(t, "c", moved)
	until(t, "Ping afterwards", func() bool { return far.Ping(t.Context()) == nil })
}

func TestSilenceEndsAllConnections(t *testing.T) {
	server := realserver.NewRedis(t)
	through := netfault.Between(t, server.Addr())
	s := hasty(t, "redis://"+through.Addr()+"?read_timeout=10m", &Options{Timeout: 5 * silencetest.Patience})
	channel(t, s, "c")
	watched(t, s)
	silencetest.Run(t, through, s, func() any { return s.server.link.Load() })
}

func TestClientKilled(t *testing.T) {
	server := realserver.NewRedis(t)
	near, far := opened(t, server.URL(), nil), opened(t, server.URL(), nil)
	channel(t, near, "c")
	w := watched(t, far)
	for i := range 3 {
		if answer := server.Do(t, "CLIENT", "KILL", "TYPE", "pubsub"); answer != ":1" {
			t.Fatalf("CLIENT KILL: %s", answer)
		}
		w.reaches(t, "c", text(t, near, "c", fmt.Sprint("while it is gone, ", i)).Revision)
		until(t, "subscribed again", func() bool { return server.Do(t, "PUBLISH", far.topic, "nonsense") == ":1" })
		w.reaches(t, "c", text(t, near, "c", fmt.Sprint("again, ", i)).Revision)
	}
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal")
	if _, err := near.PutPost(t.Context(), "c", post("on a new connection"), 0); err != nil {
		t.Errorf("a write after all connections were closed: %v", err)
	}
}
