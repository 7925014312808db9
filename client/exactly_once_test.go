package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/netfault"
)

// TestExactlyOnce creates a thousand posts while the network breaks again and again: before a request is carried out, and
// after that, before its answer.
func TestExactlyOnce(t *testing.T) {
	const posts, writers = 1000, 8
	a := newAPI(t)
	var proxy *netfault.Proxy
	var requests, before, after atomic.Int64
	breaks := func() { // all connections, those of the other requests too
		proxy.Become(t, netfault.Reset())
		proxy.Become(t, netfault.Pass())
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if n%23 == 0 {
			before.Add(1)
			breaks()
			panic(http.ErrAbortHandler)
		}
		a.ServeHTTP(w, r)
		if n%17 == 0 {
			after.Add(1)
			breaks()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	proxy = netfault.Between(t, strings.TrimPrefix(server.URL, "http://"))
	c := newClient(t, "http://"+proxy.Addr(), &client.Options{
		Token: secret, Attempts: 1000, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond, Timeout: patience,
	})
	t.Cleanup(c.CloseIdleConnections)
	if _, err := c.CreateChannel(patient(t), client.NewChannel{ID: match}); err != nil {
		t.Fatal(err)
	}

	made := make([]client.Post, posts)
	var work sync.WaitGroup
	for first := range writers {
		work.Go(func() {
			for i := first; i < posts; i += writers {
				var err error
				if made[i], err = c.CreatePost(patient(t), match, client.NewPost{Text: fmt.Sprint("post ", i)}); err != nil {
					t.Errorf("post %d: %v", i, err)
				}
			}
		})
	}
	work.Wait()
	page, err := a.store.Posts(t.Context(), match, motacilla.Query{Limit: 2 * posts})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[motacilla.PostID]string{}
	for _, p := range page.Posts {
		texts[p.ID] = p.Content[0].Text.String()
	}
	if len(page.Posts) != posts {
		t.Errorf("%d posts, want %d", len(page.Posts), posts)
	}
	for i, p := range made {
		if want := fmt.Sprint("post ", i); texts[p.ID] != want {
			t.Errorf("%s is %q, want %q", p.ID, texts[p.ID], want)
		}
	}
	if before.Load() == 0 || after.Load() == 0 || requests.Load() <= posts {
		t.Errorf("%d requests, %d broken before and %d after: the network was too good", requests.Load(), before.Load(), after.Load())
	}
}
