package followers_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
)

var _ = []publishertest.Follow{followers.SSE, followers.SSEByEventID, followers.WebSocket}

func TestMain(m *testing.M) { leaktest.Main(m) }

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return server.URL + "/live/x/match-42/"
}

func goal(from, to motacilla.Revision) []byte {
	return (&motacilla.Update{Channel: "match-42", From: from, Revision: to}).AppendJSON(nil)
}

// collect returns the revisions that came, and the error.
func collect(seq iter.Seq2[*motacilla.Update, error]) (got []motacilla.Revision, last error) {
	for u, err := range seq {
		if last = err; err == nil {
			got = append(got, u.Revision)
		}
	}
	return got, last
}

func event(id motacilla.Revision, data []byte) string {
	return fmt.Sprintf("id: %d\ndata: %s\n\n", id, data)
}

func stream(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, body)
	}
}

func TestSSE(t *testing.T) {
	long := &motacilla.Update{Channel: "match-42", From: 7, Revision: 8, Renders: []motacilla.Render{
		{ID: motacilla.NewPostID(time.Now()), Content: strings.Repeat("A long report. ", 1<<16)},
	}}
	for name, test := range map[string]struct {
		body string
		want []motacilla.Revision
		err  bool
	}{
		"empty":         {"", nil, false},
		"updates":       {"retry: 1500\n" + event(5, goal(3, 5)) + event(7, goal(5, 7)), []motacilla.Revision{5, 7}, false},
		"CRLF":          {strings.ReplaceAll(event(5, goal(3, 5)), "\n", "\r\n"), []motacilla.Revision{5}, false},
		"comment":       {": hello\n\n" + event(5, goal(3, 5)), []motacilla.Revision{5}, false},
		"close message": {event(5, goal(3, 5)) + "retry: 2000\n\n", []motacilla.Revision{5}, false},
		"a megabyte":    {event(8, long.AppendJSON(nil)), []motacilla.Revision{8}, false},
		"another id":    {event(6, goal(3, 5)), nil, true},
		"no id":         {fmt.Sprintf("data: %s\n\n", goal(3, 5)), nil, true},
		"with a type":   {"event: update\n" + event(5, goal(3, 5)), nil, true},
		"cut":           {event(5, goal(3, 5)) + event(7, goal(5, 7))[:30], []motacilla.Revision{5}, true},
		"no JSON":       {event(5, []byte("hello")), nil, true},
		"error is all":  {event(6, goal(3, 5)) + event(7, goal(5, 7)), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := collect(followers.SSE(t.Context(), serve(t, stream(test.body)), 3))
			if fmt.Sprint(got) != fmt.Sprint(test.want) || (err != nil) != test.err {
				t.Errorf("got %v, %v; want %v, an error %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestAsksWithTheCursor(t *testing.T) {
	for name, test := range map[string]struct {
		follow      publishertest.Follow
		since       motacilla.Revision
		query, last string
	}{
		"SSE":                     {followers.SSE, 42, "since=42", ""},
		"SSE, new":                {followers.SSE, 0, "since=0", ""},
		"SSE by event id":         {followers.SSEByEventID, 42, "", "42"},
		"SSE by event id, at new": {followers.SSEByEventID, 0, "", ""},
		"WebSocket":               {followers.WebSocket, 42, "since=42", ""},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if q, last := r.URL.RawQuery, r.Header.Get("Last-Event-ID"); q != test.query || last != test.last {
					t.Errorf("asked with %q and Last-Event-ID %q, want %q and %q", q, last, test.query, test.last)
				}
				http.Error(w, "", http.StatusTeapot)
			})
			if _, err := collect(test.follow(t.Context(), url, test.since)); err == nil {
				t.Error("a 418 is no error")
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusBadRequest:          motacilla.ErrInvalid,
		http.StatusForbidden:           motacilla.ErrForbidden,
		http.StatusNotFound:            motacilla.ErrNotFound,
		http.StatusServiceUnavailable:  motacilla.ErrUnavailable,
		http.StatusInternalServerError: nil,
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", status) })
		for name, follow := range map[string]publishertest.Follow{
			"SSE": followers.SSE, "SSE by event id": followers.SSEByEventID, "WebSocket": followers.WebSocket,
		} {
			if _, err := collect(follow(t.Context(), url, 3)); err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s: %d is %v, want %v", name, status, err, want)
			}
		}
	}
	html := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	for name, follow := range map[string]publishertest.Follow{"SSE": followers.SSE, "WebSocket": followers.WebSocket} {
		if _, err := collect(follow(t.Context(), html, 3)); err == nil {
			t.Errorf("%s: an HTML page is no error", name)
		}
	}
}

// upgrade serves WebSocket.
func upgrade(t *testing.T, talk func(conn *gorilla.Conn)) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(gorilla.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		talk(conn)
	})
}

func TestWebSocketEnds(t *testing.T) {
	failed := errors.New("some error")
	closing := func(code int) func(*gorilla.Conn) {
		return func(conn *gorilla.Conn) {
			_ = conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, "why"))
		}
	}
	for name, test := range map[string]struct {
		end  func(*gorilla.Conn)
		want error
	}{
		"normal":      {closing(1000), nil},
		"going away":  {closing(1001), nil},
		"policy":      {closing(1008), motacilla.ErrForbidden},
		"later":       {closing(1013), motacilla.ErrUnavailable},
		"no channel":  {closing(4404), motacilla.ErrNotFound},
		"size":        {closing(1009), failed},
		"cut":         {func(*gorilla.Conn) {}, failed},
		"binary":      {func(c *gorilla.Conn) { _ = c.WriteMessage(gorilla.BinaryMessage, goal(5, 7)) }, failed},
		"not UTF-8":   {func(c *gorilla.Conn) { _ = c.WriteMessage(gorilla.TextMessage, []byte("\"\xff\"")) }, failed},
		"not JSON":    {func(c *gorilla.Conn) { _ = c.WriteMessage(gorilla.TextMessage, []byte("hello")) }, failed},
		"empty close": {func(c *gorilla.Conn) { _ = c.WriteMessage(gorilla.CloseMessage, nil) }, failed},
	} {
		t.Run(name, func(t *testing.T) {
			url := upgrade(t, func(conn *gorilla.Conn) {
				_ = conn.WriteMessage(gorilla.TextMessage, goal(3, 5))
				test.end(conn)
			})
			got, err := collect(followers.WebSocket(t.Context(), url, 3))
			if fmt.Sprint(got) != "[5]" {
				t.Errorf("got %v", got)
			}
			if (err != nil) != (test.want != nil) || !errors.Is(test.want, failed) && !errors.Is(err, test.want) {
				t.Errorf("the end is %v, want %v", err, test.want)
			}
		})
	}
}

// endless servers say one thing and then nothing; each connection is a goroutine until its peer goes.
func endless(t *testing.T) map[string]struct {
	follow publishertest.Follow
	url    string
} {
	events := serve(t, func(w http.ResponseWriter, r *http.Request) {
		stream(event(5, goal(3, 5)))(w, r)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	frames := upgrade(t, func(conn *gorilla.Conn) {
		_ = conn.WriteMessage(gorilla.TextMessage, goal(3, 5))
		_, _, _ = conn.NextReader()
	})
	return map[string]struct {
		follow publishertest.Follow
		url    string
	}{"SSE": {followers.SSE, events}, "WebSocket": {followers.WebSocket, frames}}
}

func TestEndsWithItsContextOrItsCaller(t *testing.T) {
	for name, test := range endless(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for _, err := range test.follow(ctx, test.url, 3) {
				if err != nil {
					t.Fatal(err)
				}
				cancel() // while the next read waits
			}
			for range test.follow(t.Context(), test.url, 3) {
				break
			}
		})
	}
}

// A server that accepts and says nothing must not hold a follower whose context has ended.
func TestEndsInTheHandshake(t *testing.T) {
	asked := make(chan struct{})
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	for name, follow := range map[string]publishertest.Follow{"SSE": followers.SSE, "WebSocket": followers.WebSocket} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-asked
				cancel()
			}()
			if got, _ := collect(follow(ctx, url, 3)); got != nil {
				t.Errorf("got %v", got)
			}
		})
	}
}

// A caller that takes long leaves the connection unread: the server's writes have to stand still.
func TestLeavesTheConnectionUnread(t *testing.T) {
	text := (&motacilla.Update{Channel: "match-42", From: 3, Revision: 5, Renders: []motacilla.Render{
		{ID: motacilla.NewPostID(time.Now()), Content: strings.Repeat("A long report. ", 1<<12)},
	}}).AppendJSON(nil)
	stuck := make(chan bool, 2)
	fill := func(write func() error, deadline func(time.Time) error) {
		for range 10_000 { // 600 MB, which no socket holds
			_ = deadline(time.Now().Add(500 * time.Millisecond))
			if write() != nil {
				stuck <- true
				return
			}
		}
		stuck <- false
	}
	events := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(w)
		fill(func() error {
			fmt.Fprint(w, event(5, text))
			return control.Flush()
		}, control.SetWriteDeadline)
	})
	frames := upgrade(t, func(conn *gorilla.Conn) {
		fill(func() error { return conn.WriteMessage(gorilla.TextMessage, text) }, conn.SetWriteDeadline)
	})
	for name, test := range map[string]struct {
		follow publishertest.Follow
		url    string
	}{"SSE": {followers.SSE, events}, "WebSocket": {followers.WebSocket, frames}} {
		t.Run(name, func(t *testing.T) {
			for _, err := range test.follow(t.Context(), test.url, 3) {
				if err != nil || !<-stuck {
					t.Errorf("the server could write on and on; %v", err)
				}
				break
			}
		})
	}
}
