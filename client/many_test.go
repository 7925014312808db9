package client_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// everywhere runs a test over plain connections and TLS, with each transport that has several channels on a connection.
func everywhere(t *testing.T, test func(t *testing.T, f *field, name string)) {
	for _, secure := range []bool{false, true} {
		scheme := map[bool]string{false: "http", true: "https"}[secure]
		for _, name := range []string{"sse", "websocket"} {
			t.Run(name+" "+scheme, func(t *testing.T) {
				test(t, plant(t, secure, &publishertest.SiteOptions{Feed: busy}), name)
			})
		}
	}
}

// stir changes channels at random.
func (f *field) stir(list []motacilla.ChannelID, times int, between func(i int)) {
	posts := map[motacilla.ChannelID][]motacilla.PostID{}
	for i := range times {
		ch := list[rand.IntN(len(list))]
		posts[ch] = f.Stir(ch, posts[ch], rand.IntN(1000))
		between(i)
	}
}

// TestHundredChannels changes a hundred channels at random while connections break. Each must end as the store has it.
func TestHundredChannels(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		list := f.channels("match", 100)
		w := f.watch(t, f.client(t), over(name), list...)
		f.stir(list, 600, func(i int) {
			if i%60 == 59 {
				f.cut(1)
			}
		})
		w.settle(t, f, list...)
		if n := f.requests("/live/" + name + "/match"); n > 0 {
			t.Errorf("%d connections had one channel only", n)
		}
		if n := f.requests("/live/" + name + "/"); n > 30 {
			t.Errorf("there were %d connections", n)
		}
	})
}

// TestMoreThanHundredChannels: a connection has at most a hundred channels, and fewer if their names are long.
func TestMoreThanHundredChannels(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		list := append(f.channels("match", 201), f.channels(strings.Repeat("long:", 40), 30)...)
		w := f.watch(t, f.client(t), over(name), list...)
		w.settle(t, f, list...)
		f.stir(list, 200, func(int) {})
		w.settle(t, f, list...)
		if n := f.requests("/live/" + name + "/"); n < 4 || n > 5 {
			t.Errorf("there were %d connections, want 4 or 5", n)
		}
	})
}

// TestRefusedChannels: channels that can't be followed are told of one by one, and the others go on.
func TestRefusedChannels(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		list := f.channels("match", 4)
		w := f.watch(t, f.client(t), over(name), append(list, "nowhere", publishertest.Members)...)
		w.settle(t, f, list...)
		refused := func(ch motacilla.ChannelID, want error) {
			t.Helper()
			w.until(t, string(ch)+" is refused", func() bool { return w.refused[ch] != nil })
			if err := w.refused[ch]; !errors.Is(err, want) || !strings.Contains(err.Error(), string(ch)) {
				t.Errorf("%s is refused with %v, want %v", ch, err, want)
			}
			if _, followed := w.Cursors()[ch]; followed {
				t.Errorf("%s is refused, and still followed", ch)
			}
		}
		refused("nowhere", motacilla.ErrNotFound)
		refused(publishertest.Members, motacilla.ErrForbidden)
		f.EditChannel(list[0], func(c *motacilla.Channel) { c.Access = motacilla.Private })
		refused(list[0], motacilla.ErrForbidden)
		if _, err := f.Store.DeleteChannel(t.Context(), list[1]); err != nil {
			t.Fatal(err)
		}
		w.until(t, "the channel is gone", func() bool { return w.views[list[1]].Gone || w.refused[list[1]] != nil })
		f.stir(list[2:], 20, func(int) {})
		w.settle(t, f, list[2:]...)
		if n := len(w.Cursors()); n != 2 {
			t.Errorf("%d channels are followed, want 2", n)
		}
	})
}

// TestAllRefused: if no channel can be followed, each is told of, and another one can be added.
func TestAllRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		w := f.watch(t, f.client(t), over(name), "nowhere", publishertest.Members)
		w.until(t, "both are refused", func() bool { return len(w.refused) == 2 })
		if err := w.refused[publishertest.Members]; !errors.Is(err, motacilla.ErrForbidden) {
			t.Errorf("got %v", err)
		}
		if err := w.Add(publishertest.Channel, 0); err != nil {
			t.Fatal(err)
		}
		w.settle(t, f, publishertest.Channel)
	})
}

// TestAllRefusedOnConnection has channels refused between the list of transports and the connection.
func TestAllRefusedOnConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		list := f.channels("match", 3)
		f.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/live/"+name+"/" {
				_, _ = f.Store.DeleteChannel(context.Background(), list[0])
				f.EditChannel(list[1], func(c *motacilla.Channel) { c.Access = motacilla.Private })
				_, _ = f.Store.DeleteChannel(context.Background(), list[2])
			}
			return false
		})
		w := f.watch(t, f.client(t), over(name), list...)
		w.until(t, "all are refused", func() bool { return len(w.refused) == 3 })
		for i, want := range []error{motacilla.ErrNotFound, motacilla.ErrForbidden, motacilla.ErrNotFound} {
			if err := w.refused[list[i]]; !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", list[i], err, want)
			}
		}
	})
}

// TestAddAndRemove changes the channels while they are followed. Nothing comes of a channel that was removed.
func TestAddAndRemove(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		list := f.channels("match", 12)
		w := f.watch(t, f.client(t), over(name), list[:4]...)
		w.settle(t, f, list[:4]...)
		for _, ch := range list[4:] {
			if err := w.Add(ch, 0); err != nil {
				t.Fatal(err)
			}
		}
		w.Remove(list[0])
		w.Remove("nowhere")
		f.stir(list, 60, func(int) {})
		w.settle(t, f, list[1:]...)
		if len(w.Cursors()) != 11 {
			t.Errorf("%d channels are followed", len(w.Cursors()))
		}
		f.Post(list[0], "missed")
		w.add(t, list[0]) // it comes back, and misses nothing
		w.settle(t, f, list...)
		if w.resets != len(list) {
			t.Errorf("%d resets, want %d", w.resets, len(list))
		}
		if err := w.Add(list[0], 0); err != nil { // it begins anew
			t.Fatal(err)
		}
		w.until(t, "there is one more reset", func() bool { return w.resets == len(list)+1 })
		for _, ch := range list {
			w.Remove(ch)
		}
		if err := w.Add(list[1], f.Head(list[1])); err != nil {
			t.Fatal(err)
		}
		f.Post(list[1], "after all were removed")
		w.settle(t, f, list[1])
	})
}

// TestWithoutMany: a server that has one channel for each connection is followed as by Follow.
func TestWithoutMany(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		f.without = true
		list := f.channels("match", 20)
		w := f.watch(t, f.client(t), over(name), append(list, "nowhere")...)
		f.stir(list, 200, func(i int) {
			if i%50 == 49 {
				f.cut(0.5)
			}
		})
		w.settle(t, f, list...)
		w.until(t, "one is refused", func() bool { return errors.Is(w.refused["nowhere"], motacilla.ErrNotFound) })
		w.Remove(list[0])
		more := f.channels("more", 2)
		for _, ch := range more {
			if err := w.Add(ch, 0); err != nil {
				t.Fatal(err)
			}
		}
		f.stir(append(more, list[1:]...), 50, func(int) {})
		w.settle(t, f, append(more, list[1:]...)...)
		if n := f.requests("/live/" + name + "/match"); n < 20 {
			t.Errorf("%d connections for 20 channels", n)
		}
	})
}

// TestFallsBackToPolling has streams that do not get through. Each channel is then polled.
func TestFallsBackToPolling(t *testing.T) {
	f := plant(t, false, &publishertest.SiteOptions{Feed: busy})
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "polling/") || strings.HasPrefix(r.URL.Path, "/live/long") || strings.HasPrefix(r.URL.Path, "/channels") {
			return false
		}
		http.Error(w, "no streams here", http.StatusNotImplemented)
		return true
	})
	list := f.channels("match", 10)
	w := f.watch(t, f.client(t), nil, list...)
	w.settle(t, f, list...) // a stream's request that is cut would be made again
	f.stir(list, 100, func(i int) {
		if i%25 == 24 {
			f.cut(0.5)
		}
	})
	w.settle(t, f, list...)
	if n := f.requests("/live/sse/") + f.requests("/live/websocket/"); n != 2 {
		t.Errorf("streams were tried %d times, want 2", n)
	}
}

// TestOverflowOfMany: a full server moves the reader, and each channel is polled.
func TestOverflowOfMany(t *testing.T) {
	feed := busy
	feed.Limits.Readers, feed.Limits.Overflow = 1, "interval-polling"
	f := plant(t, false, &publishertest.SiteOptions{Feed: feed})
	list := f.channels("match", 5)
	for u, err := range f.client(t).Follow(patient(t), publishertest.Channel, &client.FollowOptions{Transports: []string{"sse"}}) {
		if err != nil || !u.Reset {
			t.Fatalf("got %v, %v", u, err)
		}
		w := f.watch(t, f.client(t), nil, list...)
		w.settle(t, f, list...)
		f.stir(list, 50, func(int) {})
		w.settle(t, f, list...)
		if f.requests("/live/interval-polling/match") < 5 || f.requests("/live/websocket/") > 0 {
			t.Errorf("the channels were not polled, and the requests are %v", f.asked)
		}
		w.stop()
		break
	}
}

// TestManyEnds has loops end in every way. A later loop goes on where the last one has ended.
func TestManyEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, f *field, name string) {
		list := f.channels("match", 5)
		m, err := f.client(t).FollowMany(&client.FollowOptions{Transports: []string{name}, FirstUpdate: patience})
		if err != nil {
			t.Fatal(err)
		}
		views := map[motacilla.ChannelID]*motacilla.View{}
		for _, ch := range list {
			views[ch] = &motacilla.View{}
			if err := m.Add(ch, 0); err != nil {
				t.Fatal(err)
			}
		}
		// The loop is left after each update.
		for i := 0; i < 30; i++ {
			for u, err := range m.Updates(patient(t)) {
				if err != nil || u.Reset != (views[u.Channel].Revision == 0) || views[u.Channel].Apply(&u, true) {
					t.Fatalf("got the update from %d to %d, %v", u.From, u.Revision, err)
				}
				break
			}
			f.Post(list[i%len(list)], "another")
		}
		ctx, cancel := context.WithCancel(patient(t))
		defer cancel()
		var last error
		for u, err := range m.Updates(ctx) {
			if err != nil {
				last = err
				continue
			}
			for _, err := range m.Updates(ctx) {
				if err == nil {
					t.Error("there were two loops at once")
				}
			}
			views[u.Channel].Apply(&u, true)
			done := true
			for _, ch := range list {
				done = done && views[ch].Revision == f.Head(ch)
			}
			if done {
				cancel()
			}
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("it ended with %v", last)
		}
		for _, ch := range list {
			if err := f.Differ(views[ch], ch); err != nil {
				t.Errorf("%s: %v", ch, err)
			}
		}
	})
}

// TestManyOverHTTP2 has two streams for several channels each.
func TestManyOverHTTP2(t *testing.T) {
	f := plant(t, false, &publishertest.SiteOptions{Feed: busy})
	f.server = f.Serve(&publishertest.ServerOptions{TLS: true, HTTP2: true, Handler: f.see})
	f.http = f.server.HTTP
	list := f.channels("match", 150)
	w := f.watch(t, f.client(t), over("sse"), list...)
	f.stir(list, 200, func(int) {})
	w.settle(t, f, list...)
	if n := f.requests("/live/sse/"); n != 2 {
		t.Errorf("there were %d streams, want 2", n)
	}
	w.stop()
}

func TestManyIsAskedWrongly(t *testing.T) {
	c, err := client.New("http://live.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.FollowMany(&client.FollowOptions{Since: 7}); !errors.Is(err, motacilla.ErrInvalid) || !strings.Contains(err.Error(), "since") {
		t.Errorf("got %v for Since", err)
	}
	if _, err := c.FollowMany(&client.FollowOptions{Transports: []string{"pigeon"}}); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("got %v for an unknown transport", err)
	}
	m, err := c.FollowMany(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add("a/b", 0); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("got %v for a bad channel", err)
	}
}
