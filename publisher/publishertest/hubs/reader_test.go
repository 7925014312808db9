package hubs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// list answers with the list of transports.
func list(w http.ResponseWriter, names map[string]bool, ch string) {
	var offers []map[string]string
	for name := range names {
		offers = append(offers, map[string]string{"name": name, "url": "/live/" + name + "/" + ch + "/"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"transports": offers})
}

// reader follows a channel over one transport.
type reader struct {
	name    string
	channel motacilla.ChannelID

	mu    sync.Mutex
	view  motacilla.View
	last  error // the last failure
	ended error

	stop func()
	done chan struct{}
}

// read starts a reader, which is stopped at the end of the test.
func (s *site) read(t *testing.T, name string, ch motacilla.ChannelID) *reader {
	t.Helper()
	c, err := client.New(s.URL, &client.Options{
		Token: publishertest.Secret, HTTP: &http.Client{Transport: s.HTTP.Transport}, MinWait: 10 * time.Millisecond, MaxWait: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{name: name, channel: ch, stop: cancel, done: make(chan struct{})}
	o := &client.FollowOptions{
		Transports: []string{name}, FirstUpdate: publishertest.Patience, Heartbeat: publishertest.Patience,
		Retry: func(err error, _ time.Duration) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.last = err
			return nil
		},
	}
	go func() {
		defer close(r.done)
		for u, err := range c.Follow(ctx, ch, o) {
			r.mu.Lock()
			if err != nil {
				r.ended = err
			} else if r.view.Apply(&u, true) {
				r.ended = fmt.Errorf("at %d the client yields what begins at %d", r.view.Revision, u.From)
			}
			r.mu.Unlock()
		}
	}()
	t.Cleanup(r.close)
	return r
}

func (r *reader) close() {
	r.stop()
	<-r.done
}

// at reports whether the reader has reached a revision.
func (r *reader) at(head motacilla.Revision) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.Revision >= head || r.ended != nil
}

// check waits until the reader has what the store has.
func (s *site) check(t *testing.T, r *reader) {
	t.Helper()
	head := s.Head(r.channel)
	for late := time.Now().Add(publishertest.Patience); !r.at(head); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Fatalf("a reader over %s is at %d, not at %d; its last failure: %v", r.name, r.view.Revision, head, r.last)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != nil {
		t.Fatalf("a reader over %s has ended: %v", r.name, r.ended)
	}
	if err := s.Differ(&r.view, r.channel); err != nil {
		t.Fatalf("a reader over %s: %v", r.name, err)
	}
}
