package publishertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// holds reports whether the publisher keeps a reader's connection busy, as streams and held requests do, and interval polling
// does not. A reader that is kept is counted by Stats. One that is not kept asks again and again, and is never counted.
func (s *site) holds(t testing.TB, r *reader) (holds bool) {
	t.Helper()
	r.at(t, s.Head(Channel))
	r.mu.Lock()
	before := r.opened
	r.mu.Unlock()
	stats := s.parts[name].stats
	s.Eventually("a reader is counted by Stats, or has asked five times", func() bool {
		holds = holds || stats.Readers.Load() > 0
		r.mu.Lock()
		defer r.mu.Unlock()
		return holds || r.opened >= before+5
	})
	return holds
}

// testMethods uses methods that are not allowed. HEAD may be answered, but must not be held.
func testMethods(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	for _, method := range []string{
		http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodTrace, "BREW", http.MethodHead,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		req, err := http.NewRequestWithContext(ctx, method, s.url(s.main, name, Channel), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		cancel()
		allow := ""
		switch {
		case err != nil:
			t.Errorf("%s: %v", method, err)
			continue
		case method == http.MethodHead && resp.StatusCode == http.StatusOK:
			continue
		case resp.StatusCode == http.StatusMethodNotAllowed:
			allow = resp.Header.Get("Allow")
		}
		if !slices.Contains(strings.Split(strings.ReplaceAll(allow, " ", ""), ","), http.MethodGet) {
			t.Errorf("%s: got %s with Allow %q, want 405 with GET in Allow", method, resp.Status, allow)
		}
	}
}

// testRudeClients has clients that send noise, half-close or vanish. Another reader must not notice, and nothing of the rude
// clients may be left.
func testRudeClients(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	polite := s.read(name, Channel, motacilla.View{})
	polite.at(t, s.Head(Channel))
	host := s.main.Listener.Addr().String()
	path := strings.TrimPrefix(s.url(s.main, name, Channel), s.main.URL)
	head := func(more string) string {
		return fmt.Sprintf("GET %s?since=0 HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, more)
	}
	upgrade := head("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var conns []net.Conn
	for _, ask := range []string{head(""), upgrade} {
		for _, rude := range []func(rudeConn){
			func(c rudeConn) { c.closeWrite() },
			func(c rudeConn) { _, _ = c.Write(noise) },
			func(c rudeConn) {
				_, _ = c.Write(noise)
				c.closeWrite()
			},
			func(c rudeConn) { _, _ = c.Write(bytes.Repeat([]byte(ask), 20)) }, // pipelined
			func(c rudeConn) { // vanishes: a reset
				_ = c.tcp.SetLinger(0)
				_ = c.tcp.Close()
			},
			func(c rudeConn) { _, _ = c.tcp.Write(noise) }, // beneath TLS
			func(rudeConn) {}, // takes nothing
		} {
			for range 3 {
				c, err := net.Dial("tcp", host)
				if err != nil {
					t.Fatal(err)
				}
				conn := rudeConn{c, c.(*net.TCPConn)}
				if s.tls {
					conn.Conn = tlsClient(c)
				}
				defer c.Close()
				conns = append(conns, c)
				_ = conn.SetDeadline(time.Now().Add(patience))
				if _, err := conn.Write([]byte(ask)); err != nil {
					t.Fatal(err)
				}
				rude(conn)
				s.Post(Channel, "Goal")
				polite.at(t, s.Head(Channel)) // so that it is never behind by more than an update may carry
			}
		}
	}
	for range 20 {
		s.Post(Channel, "Goal")
		polite.at(t, s.Head(Channel))
	}
	s.check(t, polite)
	if polite.close(); polite.resets != 1 {
		t.Errorf("the polite reader got %d resets, want 1", polite.resets)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	stats := s.parts[name].stats
	s.Eventually("Stats count none of the clients that have left", func() bool { return stats.Readers.Load() == 0 })
}

// rudeConn is a client's connection and its socket.
type rudeConn struct {
	net.Conn
	tcp *net.TCPConn
}

func (c rudeConn) closeWrite() { _ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// testStats tests what the publisher counts, under the name of its first route.
func testStats(t *testing.T, run func(settings) *site) {
	const many = 5
	s := run(settings{})
	stats := s.parts[name].stats
	var readers []*reader
	for range many {
		r := s.read(name, Channel, motacilla.View{})
		r.at(t, s.Head(Channel))
		readers = append(readers, r)
	}
	if s.holds(t, readers[0]) {
		s.Eventually(fmt.Sprintf("Stats count %d readers", many), func() bool { return stats.Readers.Load() == many })
	}
	before := stats.Deliveries.Load()
	const posts = 3
	for range posts {
		s.Post(Channel, "Goal")
		for _, r := range readers {
			r.at(t, s.Head(Channel))
		}
	}
	s.Eventually(fmt.Sprintf("Stats count %d deliveries of %d posts to %d readers", posts*many, posts, many), func() bool {
		return stats.Deliveries.Load() >= before+posts*many
	})
	for _, r := range readers {
		r.close()
	}
	s.Eventually("Stats count no reader after all have left", func() bool { return stats.Readers.Load() == 0 })
}
