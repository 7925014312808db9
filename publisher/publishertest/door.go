package publishertest

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

// door is one way into a site: a server of its own on the site's routes, so that it is known whose its connections are.
type door struct {
	server *httptest.Server

	mu    sync.Mutex
	conns map[net.Conn]http.ConnState
}

type tokenKey struct{}

// hasToken reports whether a request came in by a door for those who have the token.
func hasToken(r *http.Request) bool { return r.Context().Value(tokenKey{}) != nil }

// door opens one more way in. token is for readers who have the token. A buffer bounds what the kernel takes for a
// reader that does not read, in bytes; 0 leaves it to the system.
func (s *site) door(t testing.TB, token bool, buffer int) *door {
	t.Helper()
	d := &door{conns: map[net.Conn]http.ConnState{}}
	d.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token {
			r = r.WithContext(context.WithValue(r.Context(), tokenKey{}, true))
		}
		s.requests.serve(s.table, w, r)
	}))
	d.server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew && buffer > 0 {
			_ = tcp.SetWriteBuffer(buffer)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if state == http.StateClosed {
			delete(d.conns, c)
		} else {
			d.conns[c] = state
		}
	}
	d.server.Config.ErrorLog = log.New(&s.requests, "", 0)
	d.server.Start()
	s.doors = append(s.doors, d)
	return d
}

// cut breaks every connection there is. The sockets of hijacked ones stay the publisher's, to close: it may know them by
// their descriptor, which must not become another's while it does.
func (d *door) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, state := range d.conns {
		tcp, ok := c.(*net.TCPConn)
		if state != http.StateHijacked || !ok {
			_ = c.Close()
			continue
		}
		_ = tcp.CloseWrite()
		_ = tcp.CloseRead()
	}
}

// streams counts the hijacked connections that the publisher has not closed; busy, the requests that are being
// answered.
func (d *door) count() (streams, busy int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, state := range d.conns {
		switch {
		case state == http.StateActive:
			busy++
		case state == http.StateHijacked && isOpen(c):
			streams++
		case state == http.StateHijacked:
			delete(d.conns, c)
		}
	}
	return streams, busy
}

// isOpen reports whether our side of the connection has not been closed.
func isOpen(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	return err == nil && raw.Control(func(uintptr) {}) == nil
}

// requests knows which requests a site is answering, and what the server complained of.
type requests struct {
	mu      sync.Mutex
	last    int
	running map[int]struct{}
	over    int // answers to requests up to this one may not be written any more
	wrong   []string
}

func (q *requests) serve(table *route.Table, w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	q.last++
	id := q.last
	if q.running == nil {
		q.running = map[int]struct{}{}
	}
	q.running[id] = struct{}{}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.running, id)
	}()
	table.ServeHTTP(&watched{ResponseWriter: w, requests: q, id: id}, r)
}

// begun returns the number of requests that there have been.
func (q *requests) begun() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last
}

// end says that answers to the requests up to id have to be complete by now.
func (q *requests) end(id int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = id
}

// left counts the requests up to id that are still being answered.
func (q *requests) left(id int) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for one := range q.running {
		if one <= id {
			n++
		}
	}
	return n
}

func (q *requests) complaints() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.wrong
}

// Write takes the server's log.
func (q *requests) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "panic") {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.wrong = append(q.wrong, string(line))
	}
	return len(line), nil
}

func (q *requests) late(id int, what string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if id <= q.over {
		q.wrong = append(q.wrong, fmt.Sprintf("a stream is written to after Shutdown has returned (%s)", what))
	}
}

// watched sees what is written when. Hijacked connections are what they are: some publishers write to the bare socket.
type watched struct {
	http.ResponseWriter
	requests *requests
	id       int
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) Write(b []byte) (int, error) {
	defer w.requests.late(w.id, fmt.Sprintf("%.40q", b))
	return w.ResponseWriter.Write(b)
}

func (w *watched) FlushError() error {
	defer w.requests.late(w.id, "flush")
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *watched) Flush() { _ = w.FlushError() }

func (w *watched) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}
