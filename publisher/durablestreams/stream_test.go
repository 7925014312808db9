package durablestreams_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/durablestreams"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// connections are how streams are connected.
var connections = []struct {
	name       string
	goroutines bool
	coding     string
	server     publishertest.ServerOptions
}{
	{name: "epoll engine"},
	{name: "epoll engine, gzip", coding: "gzip"},
	{name: "goroutine per connection", goroutines: true},
	{name: "TLS", server: publishertest.ServerOptions{TLS: true}},
	{name: "HTTP/2, gzip", coding: "gzip", server: publishertest.ServerOptions{TLS: true, HTTP2: true}},
	{name: "wrapped socket", server: publishertest.ServerOptions{Wrapped: true}},
}

// stream is a stream of events that is being read.
type stream struct {
	s    *site
	resp *http.Response
	next chan [2]string
}

func (s *site) stream(query string, header ...string) *stream {
	s.Helper()
	st := &stream{s, s.send(http.MethodGet, match, query, header...), make(chan [2]string)}
	if st.resp.StatusCode != 200 || st.resp.Header.Get("Content-Type") != "text/event-stream" {
		s.Fatalf("%s: %s %v", query, st.resp.Status, st.resp.Header)
	}
	go func() {
		defer close(st.next)
		body := io.Reader(st.resp.Body)
		if st.resp.Header.Get("Content-Encoding") == "gzip" {
			short, err := gzip.NewReader(body)
			if err != nil {
				return
			}
			body = short
		}
		for event, data := range events(body) {
			select {
			case st.next <- [2]string{event, data}:
			case <-s.Context().Done():
				return
			}
		}
	}()
	return st
}

// event returns the data of the next event, which must have that name. "" is a heartbeat.
func (st *stream) event(name string) string {
	st.s.Helper()
	select {
	case e, open := <-st.next:
		if !open || e[0] != name {
			st.s.Fatalf("got the event %q, open %v, want %q", e, open, name)
		}
		return e[1]
	case <-time.After(publishertest.Patience):
		st.s.Fatalf("there is no event %q", name)
	}
	return ""
}

func (st *stream) control() (c control) {
	st.s.Helper()
	if err := json.Unmarshal([]byte(st.event("control")), &c); err != nil {
		st.s.Fatal(err)
	}
	return c
}

func (st *stream) update() *motacilla.Update {
	st.s.Helper()
	u, err := readMessages([]byte(st.event("data")))
	if err != nil {
		st.s.Fatal(err)
	}
	return u
}

func (st *stream) ends() {
	st.s.Helper()
	select {
	case e, open := <-st.next:
		if open {
			st.s.Fatalf("got %q, want the end", e)
		}
	case <-time.After(publishertest.Patience):
		st.s.Fatal("the stream does not end")
	}
}

// TestEvents reads streams over every kind of connection: from the beginning, from the end, with a cursor, and until the channel is
// deleted.
func TestEvents(t *testing.T) {
	for _, c := range connections {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, &durablestreams.Options{Goroutines: c.goroutines}, publisher.FeedOptions{}, c.server)
			accept := []string{"Accept-Encoding", c.coding}
			s.Post(match, strings.Repeat("A long report. ", 100))
			all := s.stream("?offset=-1&live=sse", accept...)
			if h := all.resp.Header; h.Get("Content-Encoding") != c.coding || h.Get("Content-Length") != "" ||
				!strings.Contains(h.Get("Cache-Control"), "no-store") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%v", h)
			}
			if u := all.update(); !u.Reset || len(u.Renders) != 1 {
				t.Errorf("first comes %+v", u)
			}
			first := all.control()
			now := s.stream("?offset=now&live=sse", accept...)
			again := s.stream("?offset="+offset(s.Head(match))+"&live=sse&cursor="+first.Cursor, accept...)
			ahead, _ := strconv.Atoi(first.Cursor)
			ahead += 1e9
			future := s.stream("?offset=now&live=sse&cursor="+strconv.Itoa(ahead), accept...)
			seen := map[*stream]int{all: number(t, first.Cursor), again: number(t, first.Cursor), future: ahead}
			rising := func(st *stream, c control) {
				t.Helper()
				cursor := number(t, c.Cursor)
				if c.Next != offset(s.Head(match)) || !c.Now || c.Closed || cursor < seen[st] {
					t.Errorf("%+v comes after the cursor %d, the head is %s", c, seen[st], offset(s.Head(match)))
				}
				seen[st] = cursor
			}
			for _, st := range []*stream{now, again, future} {
				seen[st]++ // what comes first has to be more than the request had
				rising(st, st.control())
			}
			for i := range 3 {
				p := s.Post(match, "Goal "+strconv.Itoa(i))
				for _, st := range []*stream{all, now, again, future} {
					if u := st.update(); u.Reset || u.Revision != p.Revision || len(u.Renders) != 1 {
						t.Errorf("got %+v, want the post of %d", u, p.Revision)
					}
					rising(st, st.control())
				}
			}
			if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
				t.Fatal(err)
			}
			for _, st := range []*stream{all, now, again, future} {
				if u := st.update(); !u.Gone {
					t.Errorf("got %+v, want that the channel is gone", u)
				}
				if c := st.control(); !c.Closed || !c.Now {
					t.Errorf("at the end comes %+v", c)
				}
				st.ends()
			}
		})
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestQuietStream: a heartbeat is a comment, and a stream ends after its lifetime, so that the reader comes again.
func TestQuietStream(t *testing.T) {
	for _, c := range connections {
		t.Run(c.name, func(t *testing.T) {
			heartbeat := publisher.FeedOptions{Heartbeat: 20 * time.Millisecond}
			s := open(t, &durablestreams.Options{Goroutines: c.goroutines, Lifetime: time.Hour}, heartbeat, c.server)
			st := s.stream("?offset=now&live=sse", "Accept-Encoding", c.coding)
			st.control()
			st.event("")
			st.event("")
			short := open(t, &durablestreams.Options{Goroutines: c.goroutines, Lifetime: time.Millisecond}, publisher.FeedOptions{}, c.server)
			st = short.stream("?offset=now&live=sse", "Accept-Encoding", c.coding)
			st.control()
			st.ends()
			s.Eventually("no reader is counted", func() bool { return short.Stats("durable-streams").Readers.Load() == 0 })
		})
	}
}
