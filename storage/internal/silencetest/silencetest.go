// Package silencetest has the network between a store and its server fall silent: what is asked of stores that many nodes
// share, beside their suite.
package silencetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/netfault"
	"github.com/motacilla-live/motacilla/storage"
)

// Patience is how long a call that is given up may take. The store's own time-outs are to be much longer, so that what is
// not given up fails the test.
const Patience = 20 * time.Second

// Run has calls wait on a silent network, and lets it pass again once noticed says that the store knows. A network that has
// been silent leaves connections behind that never say a word more: calls must not run into their own time-outs on them.
// The store is reached through proxy, is watched, and has the channel "c".
func Run(t *testing.T, proxy *netfault.Proxy, s storage.Store, noticed func() bool) {
	t.Helper()
	c, err := s.Channel(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	post := func() error {
		_, err := s.PutPost(context.Background(), "c", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text("x")}}, 0)
		return err
	}
	var calls sync.WaitGroup
	proxy.Become(t, netfault.HalfOpen())
	for range 5 {
		calls.Go(func() {
			if err := post(); err != nil && !errors.Is(err, motacilla.ErrUnavailable) { // one that had not begun may do
				t.Errorf("a write: %v", err)
			}
		})
		calls.Go(func() {
			if now, err := s.Channel(context.Background(), "c"); err != nil || now.Head < c.Head {
				t.Errorf("a read: at %d, %v", now.Head, err)
			}
		})
	}
	for until := time.Now().Add(Patience); !noticed(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("the silence is not noticed within %v", Patience)
		}
	}
	proxy.Become(t, netfault.Pass())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		calls.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(Patience):
		t.Fatalf("calls still hang after %v", Patience)
	}
	if err := post(); err != nil {
		t.Errorf("a write afterwards: %v", err)
	}
}
