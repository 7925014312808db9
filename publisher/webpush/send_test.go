package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/work"
)

// TestKeyEventsAreTold: all readers of several pages get a key event once, and nothing else.
func TestKeyEventsAreTold(t *testing.T) {
	r := newRig(t, nil)
	start(t, r.Publisher)
	paths := r.subscribers(2*pageSize + 7)
	r.post(motacilla.Post{Show: true, Content: goal().Content})                                                          // no key event
	r.post(motacilla.Post{KeyEvent: true, Content: goal().Content})                                                      // hidden
	r.post(motacilla.Post{KeyEvent: true, Show: true, Created: time.Now().Add(-5 * time.Hour), Content: goal().Content}) // too old
	told := r.post(goal())
	all := slices.Repeat([]int{1}, len(paths))
	await(t, "all readers have the message", func() bool {
		got, _ := r.service.times(paths...)
		return slices.Equal(got, all)
	})
	r.edit(told.ID, func(p *motacilla.Post) { p.Author = "Ada" }) // is told of already
	second := r.post(motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Half-time")}})
	r.edit(second.ID, func(p *motacilla.Post) { p.KeyEvent = true }) // becomes a key event
	twice := slices.Repeat([]int{2}, len(paths))
	await(t, "all readers have the second message", func() bool {
		got, _ := r.service.times(paths...)
		return slices.Equal(got, twice)
	})

	var m message
	r.service.mu.Lock()
	defer r.service.mu.Unlock()
	if err := json.Unmarshal([]byte(r.service.got[paths[0]][0]), &m); err != nil {
		t.Fatal(err)
	}
	want := message{"The match", "Goal!", string(told.ID), told.Created.UnixMilli()}
	if m != want {
		t.Errorf("the message is %+v, want %+v", m, want)
	}
	h := r.service.headers[paths[0]]
	for name, want := range map[string]string{
		"Content-Encoding": "aes128gcm", "Urgency": "high", "TTL": "1", "Topic": "", "Authorization": "vapid t=",
	} {
		if got := h.Get(name); got == "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q", name, got)
		}
	}
	if topic := h.Get("Topic"); len(topic) > 32 {
		t.Errorf("the topic %q has more than 32 characters", topic)
	}
}

// TestEndedSubscriptions: those that the push service does not know are removed, and those that it can't serve now are tried again.
func TestEndedSubscriptions(t *testing.T) {
	r := newRig(t, nil)
	r.service.answer = func(w http.ResponseWriter, path string, attempt int) bool {
		status := 0
		switch path {
		case "/0":
			status = http.StatusGone
		case "/1":
			status = http.StatusNotFound
		case "/2":
			status = http.StatusForbidden
		case "/3":
			if attempt == 1 {
				status = http.StatusServiceUnavailable
			}
		case "/4":
			if attempt <= 2 {
				w.Header().Set("Retry-After", "0")
				status = http.StatusTooManyRequests
			}
		}
		if status != 0 {
			w.WriteHeader(status)
		}
		return status == 0
	}
	send(t, r.Publisher)
	paths := r.subscribers(6)
	r.tell()
	await(t, "all who can have the message", func() bool {
		got, _ := r.service.times(paths...)
		return slices.Equal(got, []int{0, 0, 0, 1, 1, 1})
	})
	await(t, "the figures are told", func() bool { f := r.Figures(); return f.Sent == 3 && f.Ended == 2 && f.Refused == 1 })
	if n := count(t, r.store, subscriptions); n != 4 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func count(t *testing.T, store *memory.Store, namespace string) int {
	t.Helper()
	list, err := store.Records().List(t.Context(), namespace, "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestNotToldAfterAll: a post that is hidden, removed or no key event any more before its turn comes is not told of. Who has no
// permission is told of nothing on a channel that has become private, or that has been created again.
func TestNotToldAfterAll(t *testing.T) {
	private := func(c *motacilla.Channel) error { c.Access = motacilla.Private; return nil }
	for name, change := range map[string]func(*rig, motacilla.PostID) error{
		"hidden": func(r *rig, id motacilla.PostID) error {
			r.edit(id, func(p *motacilla.Post) { p.Show = false })
			return nil
		},
		"no key event": func(r *rig, id motacilla.PostID) error {
			r.edit(id, func(p *motacilla.Post) { p.KeyEvent = false })
			return nil
		},
		"removed": func(r *rig, id motacilla.PostID) error {
			_, err := r.store.DeletePost(t.Context(), match, id, 0)
			return err
		},
		"private": func(r *rig, _ motacilla.PostID) error {
			_, err := storage.EditChannel(t.Context(), r.store, match, private)
			return err
		},
		"deleted": func(r *rig, _ motacilla.PostID) error {
			_, err := r.store.DeleteChannel(t.Context(), match)
			return err
		},
		"created again": func(r *rig, id motacilla.PostID) error {
			if _, err := r.store.DeleteChannel(t.Context(), match); err != nil {
				return err
			}
			if _, err := r.store.PutChannel(t.Context(), motacilla.Channel{ID: match}, 0); err != nil {
				return err
			}
			again := goal()
			again.ID = id
			r.post(again)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			identify(t, r.Publisher)
			paths := r.subscribers(3)
			post := r.tell()
			if err := change(r, post.ID); err != nil {
				t.Fatal(err)
			}
			await(t, "the feed knows of it", func() bool {
				_, known := r.feed.Channel(t.Context(), match)
				return name == "deleted" && known != nil || name != "deleted" && known == nil
			})
			send(t, r.Publisher)
			await(t, "the job is done", func() bool { n, err := r.queue.Len(t.Context()); return err == nil && n == 0 })
			if got, n := r.service.times(paths...); n != 0 {
				t.Errorf("the service was asked %d times: %v", n, got)
			}
		})
	}
}

// dying is a store whose records take writes of progress only so often.
type dying struct {
	*memory.Store
	left atomic.Int64
}

func (d *dying) Records() motacilla.Records { return &dyingRecords{d.Store.Records(), d} }

type dyingRecords struct {
	motacilla.Records
	of *dying
}

func (r *dyingRecords) Put(ctx context.Context, record motacilla.Record) (motacilla.Record, error) {
	if record.Namespace == progressNamespace && r.of.left.Add(-1) < 0 {
		return motacilla.Record{}, motacilla.ErrUnavailable
	}
	return r.Records.Put(ctx, record)
}

// TestAfterTheDeathOfANode: another node goes on where the last one has written that it is.
func TestAfterTheDeathOfANode(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	paths := r.subscribers(pageSize)
	post := r.post(goal())
	source := &dying{Store: r.store}
	source.left.Store(3) // the list, and what was sent, twice
	first := r.node(nil, source)
	identify(t, first)
	payload, _ := json.Marshal(job{Channel: match, Post: post.ID})
	if err := first.do(t.Context(), work.Job{Payload: payload}); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Fatalf("a node that can't write: %v", err)
	}
	if err := r.do(t.Context(), work.Job{Payload: payload}); err != nil {
		t.Fatal(err)
	}
	got, _ := r.service.times(paths...)
	doubled := 0
	for path, n := range got {
		if n == 0 {
			t.Errorf("reader %d got nothing", path)
		}
		doubled += n - 1
	}
	// What was sent after the last write, and what was under way then.
	if most := saveEvery + concurrent; doubled == 0 || doubled > most {
		t.Errorf("%d readers got the message twice, want 1 to %d", doubled, most)
	}
	if err := r.do(t.Context(), work.Job{Payload: payload}); err != nil {
		t.Fatal(err)
	}
	if _, n := r.service.times(paths...); n != pageSize+doubled {
		t.Error("what was done is done again")
	}
}

// TestStopInOrder: a publisher that stops writes how far it is, and the next one sends the rest.
func TestStopInOrder(t *testing.T) {
	r := newRig(t, nil)
	stuck, free := make(chan struct{}), make(chan struct{})
	var answered atomic.Int64
	r.service.answer = func(_ http.ResponseWriter, _ string, _ int) bool {
		if answered.Add(1) == 30 {
			close(stuck)
		}
		if answered.Load() >= 30 {
			<-free
		}
		return true
	}
	send(t, r.Publisher)
	paths := r.subscribers(pageSize)
	r.tell()
	<-stuck
	if err := r.queue.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, before := r.service.times(paths...)
	close(free)
	next := r.node(nil, r.store)
	send(t, next)
	await(t, "all readers have the message", func() bool {
		got, _ := r.service.times(paths...)
		return !slices.Contains(got, 0)
	})
	await(t, "the job is done", func() bool { n, err := r.queue.Len(t.Context()); return err == nil && n == 0 })
	if _, n := r.service.times(paths...); n > pageSize+concurrent || before > 30+concurrent {
		t.Errorf("%d requests, %d of them before the stop", n, before)
	}
}

// TestFewMessagesAtATime: a slow push service gets no more at a time than the nodes may send.
func TestFewMessagesAtATime(t *testing.T) {
	r := newRig(t, nil)
	var now, most atomic.Int64
	gate := make(chan struct{})
	r.service.answer = func(http.ResponseWriter, string, int) bool {
		for n := now.Add(1); ; {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		<-gate
		now.Add(-1)
		return true
	}
	identify(t, r.Publisher)
	paths := r.subscribers(pageSize)
	post := r.post(goal())
	payload, _ := json.Marshal(job{Channel: match, Post: post.ID})
	done := make(chan error, 1)
	go func() { done <- r.do(t.Context(), work.Job{Payload: payload}) }()
	await(t, "all who may are being told", func() bool { return now.Load() == concurrent })
	close(gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, n := r.service.times(paths...); n != pageSize || slices.Contains(got, 0) || most.Load() != concurrent {
		t.Errorf("%d requests, %d at a time", n, most.Load())
	}
}

// TestPrivateAddresses: an endpoint whose name leads inside is not called, and is removed.
func TestPrivateAddresses(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	c, err := r.store.Channel(t.Context(), match)
	if err != nil {
		t.Fatal(err)
	}
	to, _ := subscribed(t, "https://127.0.0.2:8443/inside")
	if err := r.readers.Load().save(t.Context(), match, "", reader{Subscription: to, born: c.Created, seen: time.Now()}, time.Hour); err != nil {
		t.Fatal(err)
	}
	post := r.post(goal())
	payload, _ := json.Marshal(job{Channel: match, Post: post.ID})
	if err := r.do(t.Context(), work.Job{Payload: payload}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, r.store, subscriptions); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}
