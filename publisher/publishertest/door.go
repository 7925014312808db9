package publishertest

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
)

type tokenKey struct{}

// hasToken reports whether a request came in by a door for readers that have the token.
func hasToken(r *http.Request) bool { return r.Context().Value(tokenKey{}) != nil }

// door returns one more server of the site, so that it is known whose its connections are. token is for readers that have
// the token.
func (s *site) door(token bool, buffer int) *Server {
	s.Helper()
	return s.Serve(&ServerOptions{
		TLS: s.tls, Buffer: buffer, ErrorLog: log.New(&s.requests, "", 0),
		Handler: func(routes http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if token {
					r = r.WithContext(context.WithValue(r.Context(), tokenKey{}, true))
				}
				s.requests.serve(routes, w, r)
			})
		},
	})
}

// requests are those that a site is answering. wrong has what the server or the publisher did wrong.
type requests struct {
	mu      sync.Mutex
	last    int
	running map[int]struct{}
	over    int // answers to requests up to this one may not be written any more
	wrong   []string
}

func (q *requests) serve(routes http.Handler, w http.ResponseWriter, r *http.Request) {
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
	routes.ServeHTTP(&watched{ResponseWriter: w, requests: q, id: id}, r)
}

// begun returns how many requests there have been.
func (q *requests) begun() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last
}

// end forbids further writes to answers of requests up to id.
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

// Write takes the server's log. A panic is wrong.
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

// watched notices writes that come too late. It does not see those to hijacked connections.
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
