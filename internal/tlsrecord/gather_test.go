package tlsrecord

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

func TestGather(t *testing.T) {
	var g gather
	now := time.Now()
	write := func(after time.Duration) bool {
		now = now.Add(after)
		crowded := g.crowded(now)
		g.last = now
		return crowded
	}
	for range 100 {
		if write(100 * time.Millisecond) {
			t.Fatal("a write waits for others, which never come")
		}
	}
	for range 20 {
		write(time.Microsecond)
	}
	for range mostCrowds - 1 {
		if !write(100 * time.Millisecond) {
			t.Fatal("the first write of a crowd does not wait for the others")
		}
		write(time.Microsecond)
	}
	for range mostCrowds {
		write(100 * time.Millisecond)
	}
	if write(100 * time.Millisecond) {
		t.Error("a write waits for a crowd that has gone")
	}
}

// counted counts the writes of the connections that it accepts.
type counted struct {
	net.Listener
	writes atomic.Int64
}

func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	return &countedConn{conn, c}, err
}

type countedConn struct {
	net.Conn
	to *counted
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.to.writes.Add(1)
	return c.Conn.Write(b)
}

// TestStreamsShareWrites counts writes while all streams of many HTTP/2 connections get events at the same time, with our listener and
// with that of crypto/tls.
func TestStreamsShareWrites(t *testing.T) {
	ours, theirs := writes(t, newListener), writes(t, tls.NewListener)
	t.Logf("%d writes, %d with crypto/tls", ours, theirs)
	if ours > theirs*4/5 {
		t.Errorf("%d writes, %d with crypto/tls: events leave one by one", ours, theirs)
	}
}

func writes(t *testing.T, listen func(net.Listener, *tls.Config) net.Listener) int64 {
	const connections, streams, rounds = 20, 20, 20
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	count := &counted{Listener: ln}
	starts := make([]chan struct{}, rounds)
	for i := range starts {
		starts[i] = make(chan struct{})
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		out := http.NewResponseController(w)
		_ = out.Flush()
		for i, start := range starts {
			<-start
			_, _ = fmt.Fprintf(w, "%4d", i)
			_ = out.Flush()
		}
	})}
	defer func() { _ = server.Close() }()
	go func() {
		_ = server.Serve(listen(count, &tls.Config{
			Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"},
		}))
	}()

	var bodies []io.Reader
	for range connections {
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer transport.CloseIdleConnections()
		for range streams {
			resp, err := (&http.Client{Transport: transport}).Get("https://" + ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.ProtoMajor != 2 {
				t.Fatalf("got %s, want HTTP/2", resp.Proto)
			}
			bodies = append(bodies, resp.Body)
		}
	}
	before := count.writes.Load()
	for i, start := range starts {
		close(start)
		for _, body := range bodies {
			got := make([]byte, 4)
			if _, err := io.ReadFull(body, got); err != nil || string(got) != fmt.Sprintf("%4d", i) {
				t.Fatalf("in round %d got %q (%v)", i, got, err)
			}
		}
	}
	return count.writes.Load() - before
}
