package live_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/live"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A stream over HTTP/2 is not broken off because nothing was written for longer than Stall.
func TestQuietStreamOverHTTP2(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Feed.Stall, o.Feed.Heartbeat = 4*time.Second, 6*time.Second
	s := start(t, o)
	server := s.serve(s, true)
	stream := events{t, bufio.NewScanner(get(t, server.Client(), server.URL+base+"/live/sse/match/").Body)}
	stream.next()
	if u := stream.next(); !u.Heartbeat() {
		t.Fatalf("got %+v, want a heartbeat", u)
	}
	p := s.post("after silence")
	for u := stream.next(); u.Revision != p.Revision; u = stream.next() {
		if !u.Heartbeat() {
			t.Fatalf("got %+v, want revision %d", u, p.Revision)
		}
	}
}

// multiplex is a connection of HTTP/2 whose reader decides itself when it reads.
type multiplex struct {
	*testing.T
	net.Conn
	*http2.Framer
	asked bool // whether it is there
}

// serveHTTP2 serves the site over HTTP/2, with the settings that live gives.
func (s *site) serveHTTP2(stall time.Duration) *httptest.Server {
	s.Helper()
	server := httptest.NewUnstartedServer(s)
	server.Config.HTTP2 = live.HTTP2(stall)
	server.EnableHTTP2 = true
	server.StartTLS()
	s.Cleanup(func() {
		_ = s.Drain(context.Background())
		server.Close()
	})
	return server
}

// streams connects, and begins so many streams of the channel. It returns when each has its first event.
func streams(t *testing.T, server *httptest.Server, n int) *multiplex {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	t.Cleanup(func() { _ = secure.Close() })
	m := &multiplex{T: t, Conn: secure, Framer: http2.NewFramer(secure, secure)}
	_, err = io.WriteString(secure, http2.ClientPreface)
	const window = 1<<31 - 1 // as great as can be: only the connection itself can be full
	err = errors.Join(err, m.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}),
		m.WriteWindowUpdate(0, window-65535))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range n {
		block.Reset()
		for _, f := range [][2]string{
			{":method", "GET"}, {":scheme", "https"}, {":authority", "live.example"}, {":path", base + "/live/sse/match/"},
		} {
			err = errors.Join(err, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
		}
		err = errors.Join(err, m.WriteHeaders(http2.HeadersFrameParam{
			StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
	begun := map[uint32]bool{}
	for len(begun) < n {
		f := m.frame()
		if f == nil {
			t.Fatal("closed before all streams had begun")
		}
		if f, data := f.(*http2.DataFrame); data {
			begun[f.StreamID] = true
		}
	}
	return m
}

// frame returns the next frame, or nil when the connection has ended.
func (m *multiplex) frame() http2.Frame {
	m.Helper()
	f, err := m.ReadFrame()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	if err != nil {
		m.Fatal(err)
	}
	if f.Header().Type == http2.FrameSettings && !f.Header().Flags.Has(http2.FlagSettingsAck) {
		if err := m.WriteSettingsAck(); err != nil {
			m.Fatal(err)
		}
	}
	if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
		m.asked = true
	}
	return f
}

// A browser that no longer reads from its connection is closed with all its streams. Its windows are open, so that the server
// can't tell by flow control.
func TestConnectionThatTakesNothing(t *testing.T) {
	t.Parallel()
	const stall = 10 * time.Second // longer than a slow machine takes to begin the streams
	o := options(t)
	o.Feed.Stall = stall
	s := start(t, o)
	streams(t, s.serveHTTP2(stall), 20)
	stats := s.Feed.Metrics().Of("sse")
	if n := stats.Readers.Load(); n != 20 {
		t.Fatalf("%d readers, want 20", n)
	}
	for range 20 { // 20 MB for the connection, which no socket holds
		s.post(strings.Repeat("x", 50_000))
	}
	await(t, "the readers are gone", func() bool { return stats.Readers.Load() == 0 })
}

// A connection that says nothing is asked whether it is there.
func TestConnectionThatIsSilent(t *testing.T) {
	t.Parallel()
	const stall = 2 * time.Second
	s := start(t, options(t))
	m := streams(t, s.serveHTTP2(stall), 2)
	for !m.asked { // on a slow machine the ping may come before all streams have begun
		if m.frame() == nil && !m.asked {
			t.Fatal("closed without a ping")
		}
	}
	await(t, "readers that do not answer are gone", func() bool { return s.Feed.Metrics().Of("sse").Readers.Load() == 0 })
}

// When the server stops, it says so at once (GOAWAY), so that a browser connects elsewhere. The streams end one by one with
// their close message, none is broken off, and then the connection ends.
func TestDrainOverHTTP2(t *testing.T) {
	t.Parallel()
	const readers = 20
	s := start(t, options(t))
	server := s.serveHTTP2(0)
	m := streams(t, server, readers)
	var stopping sync.WaitGroup
	stopping.Go(func() { // as the app stops
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Config.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	stopping.Go(func() {
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
	})
	told, ended := map[uint32]bool{}, map[uint32]bool{}
	leaving := false
	for f := m.frame(); f != nil; f = m.frame() {
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo || f.LastStreamID != 2*readers-1 {
				t.Errorf("GOAWAY with %v, last stream %d", f.ErrCode, f.LastStreamID)
			}
			if leaving = true; len(ended) == readers {
				t.Error("GOAWAY came after the last stream had ended")
			}
		case *http2.DataFrame:
			told[f.StreamID] = told[f.StreamID] || bytes.HasPrefix(f.Data(), []byte("retry: "))
			ended[f.StreamID] = ended[f.StreamID] || f.StreamEnded()
		case *http2.RSTStreamFrame:
			t.Errorf("stream %d was reset: %v", f.StreamID, f.ErrCode)
		}
	}
	if !leaving || len(ended) != readers || len(told) != readers {
		t.Errorf("GOAWAY %v; %d streams ended, %d of them with a close message; want all %d", leaving, len(ended), len(told), readers)
	}
	for id, is := range told {
		if !is || !ended[id] {
			t.Errorf("stream %d: close message %v, end %v", id, is, ended[id])
		}
	}
	stopping.Wait()
}

func TestSettingsOfHTTP2(t *testing.T) {
	if got := live.HTTP2(0); got.WriteByteTimeout != 15*time.Second || got.SendPingTimeout != 30*time.Second {
		t.Errorf("by default %+v", got)
	}
	if got := fmt.Sprint(live.HTTP2(time.Minute).PingTimeout); got != "1m0s" {
		t.Errorf("got %s", got)
	}
}
