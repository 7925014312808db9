package websocket

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// Wagtail Live's client reads renders and removals without looking whether they are there.
func TestMessagesAreTheUpdates(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		c := s.upgrade("")
		var cursor motacilla.Revision
		next := func(what string) {
			t.Helper()
			opcode, payload, err := c.next()
			if err != nil || opcode != gorilla.TextMessage {
				t.Fatalf("%s: opcode %d, %v", what, opcode, err)
			}
			delta, err := s.Feed.Since(t.Context(), match, cursor)
			if err != nil {
				t.Fatal(err)
			}
			if want := string(delta.AppendJSON(nil)); string(payload) != want {
				t.Fatalf("%s is\n%s\nwant\n%s", what, payload, want)
			}
			for _, key := range []string{`"renders":{`, `"removals":[`} {
				if !strings.Contains(string(payload), key) {
					t.Errorf("%s has no %s: %s", what, key, payload)
				}
			}
			cursor = delta.Revision
		}
		next("the first")
		p := s.post("Goal! <b>1:0</b> \u2028 \"'& 🐦")
		next("a post")
		s.Edit(match, p.ID, func(p *motacilla.Post) { p.Show = false })
		next("a hidden post")
		s.Remove(match, p.ID)
		next("a removal")
		s.change(func(c *motacilla.Channel) { c.Title = "Extra time" })
		next("a title")
		s.change(func(c *motacilla.Channel) { c.Ended = time.Now() })
		next("the end")
	})
}

func TestFrameLengths(t *testing.T) {
	u := &motacilla.Update{Channel: match, From: 1, Revision: 2, State: &motacilla.State{}}
	least := len(u.AppendJSON(nil))
	for _, n := range []int{124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 1 << 20} {
		u.State.Title = strings.Repeat("t", n-least)
		want := string(u.AppendJSON(nil))
		if len(want) != n {
			t.Fatalf("an update of %d bytes, want %d", len(want), n)
		}
		for name, format := range map[string]*publisher.Format{"message": message, "heartbeat": heartbeat} {
			in := strings.NewReader(string(format.Append([]byte("before"), u))[len("before"):])
			if format == heartbeat {
				if opcode, payload, err := nextFrame(in); opcode != gorilla.PingMessage || len(payload) > 0 || err != nil {
					t.Errorf("%d: no ping, but %d %q, %v", n, opcode, payload, err)
				}
			}
			opcode, payload, err := nextFrame(in)
			if opcode != gorilla.TextMessage || string(payload) != want || err != nil || in.Len() > 0 {
				t.Errorf("%s of %d: opcode %d, %d bytes, %v, and %d more", name, n, opcode, len(payload), err, in.Len())
			}
		}
	}
}

// gorilla reads messages of each length.
func TestLongMessages(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		conn := s.dial(nil)
		read := func() int {
			t.Helper()
			kind, data, err := conn.ReadMessage()
			var u motacilla.Update
			if err != nil || kind != gorilla.TextMessage || u.UnmarshalJSON(data) != nil {
				t.Fatalf("a message of type %d: %.200q, %v", kind, data, err)
			}
			return len(data)
		}
		read()
		s.post(strings.Repeat("a", 1000))
		around := read() - 1000
		for _, n := range []int{65534, 65535, 65536, 65537} {
			if s.post(strings.Repeat("a", n-around)); read() != n {
				t.Fatalf("no message of %d bytes", n)
			}
		}
	})
}

// dial connects with gorilla's client.
func (s *site) dial(header http.Header) *gorilla.Conn {
	s.Helper()
	url := "ws" + strings.TrimPrefix(s.URL, "http") + path(match, "")
	conn, resp, err := gorilla.DefaultDialer.DialContext(s.Context(), url, header)
	if err != nil {
		s.Fatal(err, resp)
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * publishertest.Patience))
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A heartbeat is a ping, for the network, and a message, for scripts.
func TestHeartbeat(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, feed: publisher.FeedOptions{Heartbeat: 100 * time.Millisecond}})
		c, first := s.begin("")
		for range 3 {
			if opcode, payload, err := c.next(); opcode != gorilla.PingMessage || len(payload) > 0 || err != nil {
				t.Fatalf("opcode %d, %q, %v, want a ping", opcode, payload, err)
			}
			if u := s.update(c); !u.Heartbeat() || u.Revision != first.Revision || u.Channel != match {
				t.Fatalf("got %+v, want a heartbeat", u)
			}
			if _, err := c.Write(masked(pongFrame, "")); err != nil {
				t.Fatal(err)
			}
		}
		s.post("after")
		for {
			opcode, _, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			if opcode == gorilla.TextMessage {
				break
			}
		}
		s.Eventually("the first update and the post are counted as delivered, and the heartbeats are not", func() bool {
			return s.stats().Deliveries.Load() == 2
		})
	})
}

// A reader that sends all the time gets what the others get, frame by frame.
func TestTalkersGetEverything(t *testing.T) {
	const posts = 50
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		var all sync.WaitGroup
		for i := range 5 {
			c, first := s.begin("")
			stop := make(chan struct{})
			all.Go(func() {
				for n := 0; ; n++ {
					say := masked(textFrame, strings.Repeat("chat ", 100))
					if n%3 == 0 && n < 150 {
						say = masked(pingFrame, fmt.Sprint(n))
					}
					if _, err := c.Write(say); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-stop:
						_, _ = c.Write(closeWith(1000, ""))
						return
					case <-time.After(5 * time.Millisecond):
					}
				}
			})
			all.Go(func() {
				defer close(stop)
				var view motacilla.View
				view.Apply(first, true)
				for len(view.Renders()) < posts {
					opcode, payload, err := c.next()
					var u motacilla.Update
					switch {
					case err != nil, opcode == gorilla.CloseMessage:
						t.Errorf("talker %d: opcode %d %q, %v", i, opcode, payload, err)
						return
					case opcode == gorilla.PongMessage:
						continue
					case u.UnmarshalJSON(payload) != nil, view.Apply(&u, false):
						t.Errorf("talker %d: %s at %d", i, payload, view.Revision)
						return
					}
				}
			})
		}
		for i := range posts {
			s.post(fmt.Sprint("post ", i))
		}
		all.Wait()
	})
}

// A reader that takes nothing is closed after Stall. The others get everything meanwhile.
func TestStalledReader(t *testing.T) {
	const stall = 8 * time.Second // longer than a reader that reads ever takes for one post, on a busy machine too
	each(t, func(t *testing.T, goroutines bool) {
		t.Parallel() // it only waits
		s := open(t, settings{goroutines: goroutines, buffer: 8 << 10, feed: publisher.FeedOptions{Stall: stall}})
		stalled := s.connect()
		_ = stalled.SetReadBuffer(8 << 10)
		fmt.Fprintf(stalled, "GET %s HTTP/1.1\r\nHost: live.example\r\n%s\r\n\r\n", path(match, ""), strings.Join(upgrading, "\r\n"))
		s.Eventually("the stalled reader is counted", func() bool { return s.stats().Readers.Load() == 1 })
		const posts, others = 20, 3
		var readers []*raw
		var views [others]motacilla.View
		for i := range views {
			c, first := s.begin("")
			readers = append(readers, c)
			views[i].Apply(first, true)
		}
		for i := range posts { // 700 kB
			p := s.post(fmt.Sprint("post ", i, strings.Repeat(" long", 7000)))
			for k, c := range readers {
				if u := s.update(c); u.Revision != p.Revision || views[k].Apply(u, false) {
					t.Fatalf("reader %d at %d gets %+v, want revision %d", k, views[k].Revision, u, p.Revision)
				}
			}
		}
		s.Eventually("the stalled reader is closed", func() bool {
			return s.stats().SlowClosed.Load() == 1 && s.stats().Readers.Load() == others
		})
	})
}

// A slow reader gets the newest state of a post, and not every edit.
func TestSlowReader(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, buffer: 8 << 10, feed: publisher.FeedOptions{Stall: time.Hour}})
		c := s.connect()
		_ = c.SetReadBuffer(8 << 10)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: live.example\r\n%s\r\n\r\n", path(match, ""), strings.Join(upgrading, "\r\n"))
		if resp, err := http.ReadResponse(c.in, nil); err != nil || resp.StatusCode != 101 {
			t.Fatal(resp, err)
		}
		var view motacilla.View
		view.Apply(s.update(c), true)
		p := s.post("begun")
		const edits = 100
		for i := range edits { // 3 MB, of which the sockets hold some hundred kB
			p = s.Edit(match, p.ID, func(p *motacilla.Post) {
				p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprint("edit ", i, strings.Repeat(" long", 6000)))}
			})
		}
		updates := 0
		for view.Revision < p.Revision {
			if view.Apply(s.update(c), false) {
				t.Fatalf("an update does not follow %d", view.Revision)
			}
			updates++
		}
		if got := view.Renders(); len(got) != 1 || got[0].Content != p.Content[0].Text.String() {
			t.Errorf("the reader holds %d posts, %.20q", len(got), got[0].Content)
		}
		if updates > edits/2 {
			t.Errorf("got %d updates for %d edits, want %d at most", updates, edits, edits/2)
		}
		if n := s.stats().SlowClosed.Load(); n != 0 {
			t.Errorf("got %d slow readers, want none", n)
		}
	})
}

func TestResume(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		var revisions []motacilla.Revision
		for i := range 5 {
			revisions = append(revisions, s.post(fmt.Sprint("post ", i)).Revision)
		}
		for i, since := range revisions {
			_, u := s.begin("?since=" + since.String())
			if u.Reset || u.From != since || len(u.Renders) != len(revisions)-1-i || u.Heartbeat() != (i == len(revisions)-1) {
				t.Errorf("since %d: %+v", since, u)
			}
		}
		foreign := slices.Max(revisions) + 1
		if _, u := s.begin("?since=" + foreign.String()); !u.Reset || u.From != foreign || len(u.Renders) != len(revisions) {
			t.Errorf("got %+v for a revision that was never issued, want a reset", u)
		}
	})
}
