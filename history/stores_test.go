package history_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// patience is how long a call of a store may take: the machine may be busy.
const patience = 2 * time.Minute

// durable are the stores that outlive a node, each with two nodes' connections to it.
func durable() map[string]func(t *testing.T) (a, b storage.Store) {
	two := func(t *testing.T, open func() (storage.Store, error)) (a, b storage.Store) {
		t.Helper()
		var list [2]storage.Store
		for i := range list {
			s, err := open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			list[i] = s
		}
		return list[0], list[1]
	}
	return map[string]func(t *testing.T) (a, b storage.Store){
		"sqlite": func(t *testing.T) (a, b storage.Store) {
			file := filepath.Join(t.TempDir(), "live.db")
			return two(t, func() (storage.Store, error) {
				return sqlite.Open(t.Context(), file, &sqlite.Options{Timeout: patience, BusyTimeout: patience})
			})
		},
		"postgres": func(t *testing.T) (a, b storage.Store) {
			url := realserver.SharedPostgres(t).Database(t) + "&connect_timeout=120"
			return two(t, func() (storage.Store, error) {
				return postgres.Open(t.Context(), url, &postgres.Options{Timeout: patience})
			})
		},
		"redis": func(t *testing.T) (a, b storage.Store) {
			url := realserver.NewRedis(t, realserver.DurableRedis()...).URL()
			return two(t, func() (storage.Store, error) { return redis.Open(t.Context(), url, &redis.Options{Timeout: patience}) })
		},
	}
}

// Two nodes change one post at the same time, with a long version among them. No version is lost, a version can be restored, and when the
// post is removed for good nothing is left, whichever node is asked.
func TestStores(t *testing.T) {
	for name, connect := range durable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, other := connect(t)
			a, b := open(t, store, nil), open(t, other, nil)
			p := a.post("anna", `{"text":"begin"}`)
			var mu sync.Mutex
			stored := map[motacilla.Revision]string{p.Revision: "person/anna"}
			var all sync.WaitGroup
			for who, s := range map[string]*site{"anna": a, "bob": b} {
				all.Go(func() {
					in := receiver.NewIngest(s.Sink(), "feed", nil)
					for n := range 8 {
						now, err := in.Change(as(t.Context(), who), "c", p.ID, func(p *motacilla.Post) error {
							p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprint(who, n))}
							return nil
						})
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						stored[now.Revision] = "person/" + who
						mu.Unlock()
					}
				})
			}
			all.Wait()
			kept := map[motacilla.Revision]string{}
			for _, v := range b.versions(p.ID, "?limit=100").Versions {
				kept[v.Revision] = v.Who
			}
			for revision, who := range stored {
				if kept[revision] != who {
					t.Errorf("revision %d of %s is of %q", revision, who, kept[revision])
				}
			}
			if len(kept) != len(stored) {
				t.Errorf("%d versions, want %d", len(kept), len(stored))
			}
			if t.Failed() {
				return
			}

			long := lengthen(t, a, p.ID)
			a.edit("anna", p.ID, `{"text":"short again"}`)
			at := "/posts/" + string(p.ID)
			b.do(http.StatusOK, "bob", http.MethodPost, at+"/versions/"+p.Revision.String()+"/restore", "", nil)
			if now, err := store.Post(t.Context(), "c", p.ID); err != nil || now.Content[0].Text.String() != "begin" {
				t.Errorf("restored %+v, %v", now, err)
			}
			one, err := b.history.PostAt(t.Context(), "c", p.ID, long.Revision)
			if err != nil || len(one.Content) != len(long.Content) || one.Content[1] != long.Content[1] {
				t.Errorf("the long version has %d blocks, %v", len(one.Content), err)
			}
			var got erased
			b.do(http.StatusOK, "admin", http.MethodDelete, at+"?for_good", "", &got)
			if left := a.left("history"); len(left) != 0 || got.Versions != len(stored)+3 {
				t.Errorf("removed %+v of %d, and %v is left", got, len(stored)+3, left)
			}
			if err := a.history.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// lengthen gives a post a content that takes more than one record.
func lengthen(t *testing.T, s *site, id motacilla.PostID) motacilla.Post {
	t.Helper()
	in := receiver.NewIngest(s.Sink(), "feed", nil)
	p, err := in.Change(as(t.Context(), "anna"), "c", id, func(p *motacilla.Post) error {
		p.Content = nil
		for n := range motacilla.MaxBlocks / 4 {
			p.Content = append(p.Content, motacilla.Block{
				Type: motacilla.ImageBlock, URL: fmt.Sprintf("https://example.org/%d.jpg", n), Alt: strings.Repeat("a", motacilla.MaxAlt),
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A version ends when its time is over, also in a store that has its own clock.
func TestStoresForget(t *testing.T) {
	for name, connect := range durable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := connect(t)
			s := open(t, store, &history.Options{Keep: 300 * time.Millisecond})
			p := s.post("anna", `{"text":"one"}`)
			s.edit("bob", p.ID, `{"text":"two"}`)
			for {
				list := s.versions(p.ID, "").Versions
				if len(list) == 1 && list[0].Who == "person/bob" {
					return
				}
				if len(list) == 0 {
					t.Fatal("the current version is gone")
				}
			}
		})
	}
}
