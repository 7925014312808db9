//go:build linux

package server

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/r3labs/sse/v2"
)

// flushing sends server-sent events as they are usually written with net/http: a goroutine and a channel per reader.
type flushing struct {
	maker *message.Maker

	mu      sync.Mutex
	readers map[chan []byte]struct{}
}

func newFlushing() *flushing {
	return &flushing{maker: message.NewMaker(), readers: make(map[chan []byte]struct{})}
}

func (s *flushing) since() int64 { return int64(s.maker.Head()) }

func (s *flushing) publish(seq int, stamp int64) error {
	body, err := s.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	event := message.AppendEvent(nil, s.maker.Head(), body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for reader := range s.readers {
		select {
		case reader <- event:
		default: // a slow reader misses it
		}
	}
	return nil
}

func (s *flushing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "streams are not supported", http.StatusInternalServerError)
		return
	}
	events := make(chan []byte, 16)
	s.mu.Lock()
	s.readers[events] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.readers, events)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flusher.Flush()
	for {
		select {
		case event := <-events:
			if _, err := w.Write(event); err != nil {
				return
			}
			flusher.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// r3labs is the server of github.com/r3labs/sse without replay.
type r3labs struct {
	*sse.Server
	maker *message.Maker
}

const r3labsStream = "bench"

func newR3labs() *r3labs {
	s := &r3labs{sse.New(), message.NewMaker()}
	s.AutoReplay = false
	s.CreateStream(r3labsStream)
	return s
}

func (s *r3labs) since() int64 { return -1 }

func (s *r3labs) publish(seq int, stamp int64) error {
	body, err := s.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	s.Publish(r3labsStream, &sse.Event{ID: []byte(s.maker.Head().String()), Data: body})
	return nil
}

func (s *r3labs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	q.Set("stream", r3labsStream)
	r.URL.RawQuery = q.Encode()
	s.Server.ServeHTTP(w, r)
}

// timed is long polling as it is usually written with net/http. Each request waits for the next update or its own timer.
type timed struct {
	maker *message.Maker

	mu   sync.Mutex
	head int64
	body []byte
	next chan struct{} // closed by the next update
}

func newTimed() *timed {
	m := message.NewMaker()
	return &timed{maker: m, head: int64(m.Head()), next: make(chan struct{})}
}

func (s *timed) since() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

func (s *timed) publish(seq int, stamp int64) error {
	body, err := s.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head, s.body = int64(s.maker.Head()), body
	close(s.next)
	s.next = make(chan struct{})
	return nil
}

func (s *timed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		http.Error(w, "since must be a revision", http.StatusBadRequest)
		return
	}
	timer := time.NewTimer(25 * time.Second)
	defer timer.Stop()
	for {
		s.mu.Lock()
		head, body, next := s.head, s.body, s.next
		s.mu.Unlock()
		if head > since {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_, _ = w.Write(body)
			return
		}
		select {
		case <-next:
		case <-timer.C:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"channel":%q,"from":%d,"revision":%[2]d,"renders":{},"removals":[]}`, message.Channel, since)
			return
		case <-r.Context().Done():
			return
		}
	}
}
