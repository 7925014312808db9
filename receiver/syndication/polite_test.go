package syndication

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// script answers requests, and notes when they came.
type script struct {
	mu     sync.Mutex
	asked  []time.Time
	answer func(n int) (status int, header http.Header, body string)
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Now())
	status, header, body := s.answer(len(s.asked))
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// pauses returns the times between requests.
func (s *script) pauses() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for i := 1; i < len(s.asked); i++ {
		all = append(all, s.asked[i].Sub(s.asked[i-1]))
	}
	return all
}

// watched runs nodes that watch one feed, whose server is web, for so long of a synctest bubble's time.
func watched(t *testing.T, web *script, nodes int, during time.Duration, change func(*Options)) *memory.Store {
	store := memory.New(nil)
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home}, 0); err != nil {
		t.Fatal(err)
	}
	var all []*Receiver
	for range nodes {
		kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Metrics: &receiver.Metrics{}, Client: publicClient(t)}
		r := newReceiver(t, kit, change, "https://feeds.example/feed.xml=match-42")
		r.feeds[0].client = web
		if err := r.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	time.Sleep(during)
	for _, r := range all {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	return store
}

// wantPauses fails the test unless the pauses are these, with jitter, and with the time in which a node looks at the state.
func wantPauses(t *testing.T, web *script, want ...time.Duration) {
	t.Helper()
	got := web.pauses()
	if len(got) < len(want) {
		t.Fatalf("the pauses are %v, want %v", got, want)
	}
	for i, w := range want {
		if got[i] < w || got[i] > w+w/8+time.Second {
			t.Errorf("the pauses are %v, want %v", got, want)
			return
		}
	}
}

func TestPolite(t *testing.T) {
	document := atomOf("", item{id: "1", content: "first"})
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	const m = time.Minute
	for _, c := range []struct {
		name   string
		nodes  int
		answer func(n int) (int, http.Header, string)
		want   []time.Duration
	}{
		{"one node", 1, func(int) (int, http.Header, string) { return 200, nil, document }, []time.Duration{2 * m, 2 * m, 2 * m}},
		{"three nodes ask no more often", 3, func(int) (int, http.Header, string) { return 200, nil, document },
			[]time.Duration{2 * m, 2 * m, 2 * m}},
		{"not modified", 1, func(n int) (int, http.Header, string) {
			return map[bool]int{true: 200, false: 304}[n == 1], header("ETag", "x"), document
		}, []time.Duration{2 * m, 2 * m}},
		{"fresh for ten minutes", 1, func(int) (int, http.Header, string) { return 200, header("Cache-Control", "max-age=600"), document },
			[]time.Duration{10 * m, 10 * m}},
		{"no answer, then one", 1, func(n int) (int, http.Header, string) {
			return map[bool]int{true: 0, false: 200}[n <= 3], nil, document
		}, []time.Duration{4 * m, 8 * m, 16 * m, 2 * m, 2 * m}},
		{"too many requests", 1, func(n int) (int, http.Header, string) {
			return map[bool]int{true: 429, false: 200}[n == 1], header("Retry-After", "1800"), document
		}, []time.Duration{30 * m, 2 * m}},
		{"no feed", 1, func(int) (int, http.Header, string) { return 200, nil, "<html>" }, []time.Duration{4 * m, 8 * m, 16 * m}},
		{"not found, for hours", 1, func(int) (int, http.Header, string) { return 404, nil, "" },
			[]time.Duration{4 * m, 8 * m, 16 * m, 32 * m, 64 * m}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				web := &script{answer: c.answer}
				during := time.Minute
				for _, w := range c.want {
					during += w + w/8 + time.Second
				}
				watched(t, web, c.nodes, during, nil)
				wantPauses(t, web, c.want...)
			})
		})
	}
}

// Nobody is asked for entries of a channel that is not there. Once it is there, the feed is asked for within seconds.
func TestChannelThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := &script{answer: func(int) (int, http.Header, string) { return http.StatusOK, nil, atomOf("") }}
		store := memory.New(nil)
		kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Metrics: &receiver.Metrics{}, Client: publicClient(t)}
		r := newReceiver(t, kit, nil, "https://feeds.example/feed.xml=match-42")
		r.feeds[0].client = web
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := web.count(); n != 0 {
			t.Errorf("the feed was asked for %d times", n)
		}
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: home}, 0); err != nil {
			t.Error(err)
		}
		time.Sleep(lookAgain + time.Second)
		if n := web.count(); n != 1 {
			t.Errorf("with the channel, the feed was asked for %d times, want once", n)
		}
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A feed that is gone is asked for once more after each start, and not again.
func TestGoneStaysGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := &script{answer: func(int) (int, http.Header, string) { return 410, nil, "" }}
		watched(t, web, 2, 2*time.Hour, nil)
		if n := web.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// While the store does not answer, the source is asked rarely, and nothing is lost.
func TestStoreOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home}, 0); err != nil {
			t.Fatal(err)
		}
		web := &script{answer: func(int) (int, http.Header, string) { return 200, nil, atomOf("", item{id: "1", content: "first"}) }}
		sink := &dying{Sink: store}
		kit := &receiver.Kit{Sink: sink, Records: store.Records(), Images: receiver.NoImages{}, Metrics: &receiver.Metrics{}, Client: publicClient(t)}
		r := newReceiver(t, kit, nil, "https://feeds.example/feed.xml=match-42")
		r.feeds[0].client = web
		if err := r.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(web.pauses()); n > 20 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		sink.left.Store(100)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantPosts(t, store, "first")
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		_ = store.Close()
	})
}

// A node that stops gives its feeds to another one within the time of a lease.
func TestAnotherNodeGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home}, 0); err != nil {
			t.Fatal(err)
		}
		web := &script{answer: func(int) (int, http.Header, string) { return 200, nil, atomOf("", item{id: "1", content: "first"}) }}
		var nodes []*Receiver
		for range 2 {
			kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Metrics: &receiver.Metrics{}, Client: publicClient(t)}
			r := newReceiver(t, kit, nil, "https://feeds.example/feed.xml=match-42")
			r.feeds[0].client = web
			nodes = append(nodes, r)
		}
		for _, r := range nodes {
			if err := r.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(3 * time.Minute)
		if err := nodes[0].Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Minute)
		for _, p := range web.pauses() {
			if p < 2*time.Minute || p > 3*time.Minute {
				t.Errorf("the pauses are %v", web.pauses())
				break
			}
		}
		if err := nodes[1].Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		_ = store.Close()
	})
}
