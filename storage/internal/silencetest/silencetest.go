// Package silencetest tests stores with a server on a network that falls silent.
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

// Patience is how long a call may take after the store has noticed the silence. The store's own time-outs must be much
// longer, so that a call that waits for one of them fails the test.
const Patience = 2 * time.Minute

// Run makes the network silent while calls wait. It lets it pass again when the store has replaced its connections: then
// link returns another value. A network that was silent leaves connections behind on which no answer will ever come. Calls
// must not wait on them for their own time-outs. The store must be reached through proxy, be watched, and have the channel
// "c".
func Run(t *testing.T, proxy *netfault.Proxy, s storage.Store, link func() any) {
	t.Helper()
	c, err := s.Channel(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	post := func() error {
		_, err := s.PutPost(context.Background(), "c", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("x")}}, 0)
		return err
	}
	var calls sync.WaitGroup
	proxy.Become(t, netfault.HalfOpen())
	old := link() // not before the silence: on a machine that stalls, the store may replace them earlier
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
	for until := time.Now().Add(Patience); link() == old; time.Sleep(5 * time.Millisecond) {
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
	for until := time.Now().Add(Patience); ; { // on a machine that stalls the server seems silent
		err := post()
		if err == nil {
			return
		}
		if !errors.Is(err, motacilla.ErrUnavailable) || time.Now().After(until) {
			t.Fatalf("a write afterwards: %v", err)
		}
	}
}
