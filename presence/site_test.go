package presence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/presence"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// patience only ends a test that hangs.
const patience = 3 * time.Minute

// site is a node with a server.
type site struct {
	*testing.T
	live   *live.Live
	server *httptest.Server
	stop   func()
}

// open starts a node.
func open(t *testing.T, name string, store storage.Store, o *presence.Options) *site {
	t.Helper()
	o.Node = name
	l, err := live.New(live.Options{
		Store: store, Token: "s3cret", Presence: o,
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{
				sse.New(p.Feed, nil), polling.NewLong(p.Feed, nil),
				polling.NewInterval(p.Feed, &polling.IntervalOptions{Interval: 200 * time.Millisecond}),
			}
		},
	})
	if err == nil {
		err = l.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, live: l, server: httptest.NewServer(l)}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		s.server.Close()
	}
	t.Cleanup(s.stop)
	return s
}

// follow opens a stream, and returns when its first event is there.
func (s *site) follow(path string) (leave func()) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil || resp.StatusCode != http.StatusOK {
		s.Fatal(resp.Status, err)
	}
	leave = func() {
		cancel()
		_ = resp.Body.Close()
	}
	s.Cleanup(leave)
	return leave
}

// call sends a request with the server's token.
func (s *site) call(method, path, body string, out any) int {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer s3cret")
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	if out != nil && resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			s.Fatal(err)
		}
	}
	return resp.StatusCode
}

type counts struct {
	Now    int    `json:"now"`
	Most   int    `json:"most"`
	MostAt string `json:"most_at"`
	Nodes  []struct {
		Node string `json:"node"`
		Now  int    `json:"now"`
	} `json:"nodes"`
}

// eventually waits for counts.
func (s *site) eventually(path string, ok func(counts) bool) counts {
	s.Helper()
	began := time.Now()
	for {
		var c counts
		if status := s.call(http.MethodGet, path, "", &c); status == http.StatusOK && ok(c) {
			s.Logf("%s after %v: %+v", path, time.Since(began).Round(time.Millisecond), c)
			return c
		} else if time.Since(began) > patience {
			s.Fatalf("%s: %d %+v", path, status, c)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func stores(t *testing.T) map[string]func(t *testing.T) (a, b storage.Store) {
	t.Helper()
	two := func(open func(t *testing.T) (storage.Store, error)) func(t *testing.T) (a, b storage.Store) {
		return func(t *testing.T) (a, b storage.Store) {
			list := [2]storage.Store{}
			for i := range list {
				s, err := open(t)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				list[i] = s
			}
			return list[0], list[1]
		}
	}
	return map[string]func(t *testing.T) (a, b storage.Store){
		"memory": func(t *testing.T) (a, b storage.Store) {
			s := memory.New(nil)
			t.Cleanup(func() { _ = s.Close() })
			return s, s
		},
		"sqlite": func(t *testing.T) (a, b storage.Store) {
			file := filepath.Join(t.TempDir(), "live.db")
			return two(func(t *testing.T) (storage.Store, error) {
				return sqlite.Open(t.Context(), file, &sqlite.Options{Timeout: patience, BusyTimeout: patience})
			})(t)
		},
		"postgres": func(t *testing.T) (a, b storage.Store) {
			url := realserver.SharedPostgres(t).Database(t) + "&connect_timeout=120"
			return two(func(t *testing.T) (storage.Store, error) {
				return postgres.Open(t.Context(), url, &postgres.Options{Timeout: patience})
			})(t)
		},
		"redis": func(t *testing.T) (a, b storage.Store) {
			url := realserver.NewRedis(t, realserver.DurableRedis()...).URL()
			return two(func(t *testing.T) (storage.Store, error) {
				return redis.Open(t.Context(), url, &redis.Options{Timeout: patience})
			})(t)
		},
	}
}

// TestTwoNodes: each of two nodes tells the sum of both, and no record has anything of a reader. When readers leave, and when a node
// stops, both is told; the most stays.
func TestTwoNodes(t *testing.T) {
	for name, make := range stores(t) {
		t.Run(name, func(t *testing.T) {
			store, other := make(t)
			o := presence.Options{TTL: patience} // nothing expires on a slow machine
			a, b := open(t, "a", store, &o), open(t, "b", other, &presence.Options{TTL: patience})
			for _, id := range []motacilla.ChannelID{"final", "empty"} {
				if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id}, 0); err != nil {
					t.Fatal(err)
				}
			}
			const path = "/api/channels/final/readers"
			var leave []func()
			for range 3 {
				leave = append(leave, a.follow("/live/sse/final"))
			}
			leave = append(leave, b.follow("/live/sse/final"), b.follow("/live/sse?c=final&c=empty"))
			for _, s := range []*site{a, b} {
				c := s.eventually(path, func(c counts) bool { return c.Now == 5 })
				if len(c.Nodes) != 2 || c.Nodes[0].Node != "a" || c.Nodes[0].Now != 3 || c.Nodes[1].Now != 2 || c.Most != 5 {
					t.Errorf("got %+v", c)
				}
				s.eventually("/api/channels/empty/readers", func(c counts) bool { return c.Now == 1 })
				s.eventually("/api/readers", func(c counts) bool { return c.Now == 5 && len(c.Nodes) == 2 })
			}
			eventuallyStored(t, store, "channel/final", `"most":5`)
			eventuallyStored(t, store, "all", `"most":5`)
			for _, namespace := range []string{"presence", "presence-most"} {
				list, err := store.Records().List(t.Context(), namespace, "", "", 0)
				if err != nil || len(list) == 0 {
					t.Fatal(list, err)
				}
				for _, r := range list {
					if bytes.Contains(r.Value, []byte("127.0.0.1")) || bytes.Contains(r.Value, []byte("::1")) || bytes.Contains(r.Value, []byte("Go-http")) {
						t.Errorf("the record %s has %s", r.Key, r.Value)
					}
				}
			}
			leave[0]()
			leave[3]()
			for _, s := range []*site{a, b} {
				c := s.eventually(path, func(c counts) bool { return c.Now == 3 })
				if c.Most != 5 || c.MostAt == "" {
					t.Errorf("got %+v", c)
				}
			}
			a.stop()
			c := b.eventually(path, func(c counts) bool { return c.Now == 1 })
			if len(c.Nodes) != 1 || c.Most != 5 {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func eventuallyStored(t *testing.T, store storage.Store, key, want string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		r, err := store.Records().Get(t.Context(), "presence-most", key)
		if err == nil && strings.Contains(string(r.Value), want) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("%s: %s %v", key, r.Value, err)
		}
	}
}

// quick counts often.
func quick() *presence.Options { return &presence.Options{Every: 20 * time.Millisecond, TTL: patience} }

// TestHeldAndPolled counts readers that hold a request, and such that poll. The most begins anew with the channel.
func TestHeldAndPolled(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	s := open(t, "a", store, quick())
	put := func() motacilla.Channel {
		c, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	head := put().Head.String()
	const path = "/api/channels/final/readers"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hold := func(query string) {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/live/long-polling/final?"+query, nil)
		go func() {
			if resp, err := s.server.Client().Do(r); err == nil {
				_ = resp.Body.Close()
			}
		}()
	}
	hold("since=" + head)             // parked
	hold("last_update_ts=9999999999") // in a goroutine
	s.eventually(path, func(c counts) bool { return c.Now == 2 })
	eventuallyStored(t, store, "channel/final", `"most":2`) // a moment's most may be missed
	cancel()
	s.eventually(path, func(c counts) bool { return c.Now == 0 && c.Most == 2 })
	polls := 0
	s.eventually(path, func(c counts) bool {
		polls++
		s.call(http.MethodGet, "/live/interval-polling/final?since="+head, "", nil)
		return c.Now > 0
	})
	s.eventually(path, func(c counts) bool { return c.Now == 0 && c.Most > 0 })
	if polls == 0 {
		t.Error("there was no poll")
	}
	if _, err := store.DeleteChannel(t.Context(), "final"); err != nil {
		t.Fatal(err)
	}
	if status := s.call(http.MethodGet, path, "", nil); status != http.StatusNotFound {
		t.Errorf("of a channel that was deleted: %d", status)
	}
	put()
	s.eventually(path, func(c counts) bool { return c.Most == 0 && c.MostAt == "" })
	s.follow("/live/sse/final")
	eventuallyStored(t, store, "channel/final", `"most":1`)
}

type editors struct {
	Editors []struct {
		Who, Name, Tab string
		Post, Draft    *string
		Since          string
	}
}

// TestEditors: who has said so is there, until it has been silent for twice the TTL.
func TestEditors(t *testing.T) {
	var passed atomic.Int64
	store := memory.New(&memory.Options{Clock: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
	defer store.Close()
	s := open(t, "a", store, quick())
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0); err != nil {
		t.Fatal(err)
	}
	const path = "/api/channels/final/editors"
	post := string(motacilla.NewPostID(time.Now()))
	var got editors
	if status := s.call(http.MethodPut, path, `{"tab":"1","post":"`+post+`","draft":null}`, &got); status != http.StatusOK || len(got.Editors) != 1 ||
		got.Editors[0].Post == nil || *got.Editors[0].Post != post || got.Editors[0].Draft != nil {
		t.Fatal(status, got)
	}
	for body, want := range map[string]int{
		`{"post":"x"}`: http.StatusBadRequest, `{"tab":"` + strings.Repeat("t", 65) + `"}`: http.StatusBadRequest, `{"who":"x"}`: http.StatusBadRequest,
		`{"draft":3}`: http.StatusBadRequest, `[]`: http.StatusBadRequest,
	} {
		if status := s.call(http.MethodPut, path, body, nil); status != want {
			t.Errorf("%s: %d, want %d", body, status, want)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		if status := s.call(method, "/api/channels/none/editors", `{}`, nil); status != http.StatusNotFound {
			t.Errorf("%s on no channel: %d", method, status)
		}
	}
	there := func() int {
		t.Helper()
		if status := s.call(http.MethodGet, path, "", &got); status != http.StatusOK {
			t.Fatal(status)
		}
		return len(got.Editors)
	}
	passed.Store(int64(patience))
	if n := there(); n != 1 {
		t.Errorf("%d editors after half of the time", n)
	}
	passed.Store(int64(2 * patience))
	if n := there(); n != 0 {
		t.Error("the editor is still there")
	}
}

// TestManyTabs: one account has no more than its tabs, and one that it has it may renew.
func TestManyTabs(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	s := open(t, "a", store, &presence.Options{TTL: patience})
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0); err != nil {
		t.Fatal(err)
	}
	const path = "/api/channels/final/editors"
	var first, got editors
	for i := range 20 {
		body := `{"tab":"` + strings.Repeat("x", i) + `"}`
		if status := s.call(http.MethodPut, path, body, &got); status != http.StatusOK || len(got.Editors) != i+1 {
			t.Fatal(status, got)
		}
		if i == 0 {
			first = got
		}
	}
	if status := s.call(http.MethodPut, path, `{"tab":"more"}`, nil); status != http.StatusTooManyRequests {
		t.Errorf("one tab too many: %d", status)
	}
	if status := s.call(http.MethodPut, path, `{"tab":""}`, &got); status != http.StatusOK || len(got.Editors) != 20 || got.Editors[0].Since != first.Editors[0].Since {
		t.Errorf("a tab again: %d %+v", status, got)
	}
}
