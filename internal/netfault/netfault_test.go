package netfault_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/netfault"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience bounds how long a test waits. It must only end a test that hangs.
const patience = time.Minute

// echo is a server that sends back what it gets. ended says how each of its connections ended.
type echo struct {
	listener net.Listener
	ended    chan error // nil after a FIN
}

// set starts a server and a proxy to it.
func set(t *testing.T) (*echo, *netfault.Proxy) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{listener, make(chan error, 100)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, err := io.Copy(conn, struct{ io.Reader }{conn})
				_ = conn.Close()
				select {
				case e.ended <- err:
				default: // no test reads it
				}
			})
		}
	})
	p, err := netfault.Listen(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = listener.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return e, p
}

func dial(t *testing.T, p *netfault.Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTimeout("tcp4", p.Addr(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

func change(t *testing.T, p *netfault.Proxy, f netfault.Fault) {
	t.Helper()
	if err := p.Set(f); err != nil {
		t.Fatal(err)
	}
}

// say sends text, waits for its echo, and returns how long that took.
func say(t *testing.T, conn net.Conn, text string) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("sent %q, got %q, %v", text, got, err)
	}
	return time.Since(began)
}

// silent fails the test if data or an end arrives.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := conn.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v, of a connection that should be silent", n, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
}

func wantReset(t *testing.T, conn net.Conn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %d bytes, %v; want a reset", n, err)
	}
}

func TestPass(t *testing.T) {
	e, p := set(t)
	conn := dial(t, p)
	sent := make([]byte, 1<<20)
	_, _ = rand.Read(sent)
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := conn.Write(sent); err != nil {
			t.Error(err)
		}
		_ = conn.CloseWrite() // the echo still arrives
	})
	got, err := io.ReadAll(conn)
	writing.Wait()
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("sent %d bytes, got %d, %v", len(sent), len(got), err)
	}
	if err := <-e.ended; err != nil {
		t.Errorf("the server's side ended with %v", err)
	}
}

func TestCut(t *testing.T) {
	e, p := set(t)
	conn := dial(t, p)
	say(t, conn, "before")
	change(t, p, netfault.Cut())
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, %v, of a connection that is cut", n, err)
	}
	if err := <-e.ended; err != nil {
		t.Errorf("the server's side ended with %v", err)
	}
	if conn, err := net.Dial("tcp4", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v, %v; want it refused", conn, err)
	}
	change(t, p, netfault.Cut())
	change(t, p, netfault.Pass())
	say(t, dial(t, p), "after")
}

func TestReset(t *testing.T) {
	e, p := set(t)
	conn := dial(t, p)
	say(t, conn, "before")
	change(t, p, netfault.Reset())
	wantReset(t, conn)
	if err := <-e.ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server's side ended with %v; want a reset", err)
	}
	if conn, err := net.Dial("tcp4", p.Addr()); err == nil {
		wantReset(t, conn)
		_ = conn.Close()
	} else if !errors.Is(err, syscall.ECONNRESET) { // the reset may come before connect has returned
		t.Errorf("a new connection: %v; want a reset", err)
	}
	change(t, p, netfault.Pass())
	say(t, dial(t, p), "after")
}

func TestHalfOpen(t *testing.T) {
	e, p := set(t)
	idle, busy, closed := dial(t, p), dial(t, p), dial(t, p)
	for _, conn := range []net.Conn{idle, busy, closed} {
		say(t, conn, "before")
	}
	change(t, p, netfault.HalfOpen())
	born := dial(t, p)
	for _, conn := range []net.Conn{busy, closed, born} {
		if _, err := io.WriteString(conn, "lost"); err != nil {
			t.Error(err)
		}
		silent(t, conn)
	}
	_ = closed.Close()
	silent(t, busy)
	select {
	case err := <-e.ended:
		t.Errorf("the server heard of an end: %v", err)
	default:
	}

	for late := time.Now().Add(patience); p.Lost() < 3; <-time.After(time.Millisecond) { // what it has not read yet would pass
		if time.Now().After(late) {
			t.Fatalf("%d connections have lost something, want 3", p.Lost())
		}
	}
	change(t, p, netfault.Pass())
	if err := <-e.ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("of the connection that was closed meanwhile, the server's side ended with %v; want a reset", err)
	}
	say(t, idle, "nothing was lost")
	say(t, dial(t, p), "after")
	for _, conn := range []net.Conn{busy, born} { // lost data does not come back
		if _, err := io.WriteString(conn, "lost too"); err != nil {
			t.Error(err)
		}
		silent(t, conn)
	}
	_ = busy.Close()
	if err := <-e.ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("of a connection that has lost something, the server's side ended with %v; want a reset", err)
	}
}

func TestLatency(t *testing.T) {
	_, p := set(t)
	conn := dial(t, p)
	const delay, jitter = 200 * time.Millisecond, 50 * time.Millisecond
	change(t, p, netfault.Latency(delay, jitter))
	for range 3 {
		if took := say(t, conn, "slowly"); took < delay-jitter {
			t.Errorf("a round trip took %v", took)
		}
	}
	for range 20 {
		if _, err := io.WriteString(conn, "0123456789"); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, 200)
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte("0123456789"), 20)) {
		t.Errorf("got %q, %v", got, err)
	}
	change(t, p, netfault.Latency(time.Hour, 0))
	if _, err := io.WriteString(conn, "x"); err != nil {
		t.Fatal(err)
	}
	silent(t, conn)
	change(t, p, netfault.Pass())
	if n, err := conn.Read(got); n != 1 || err != nil {
		t.Errorf("after the fault: %d bytes, %v", n, err)
	}
}

func TestBandwidth(t *testing.T) {
	_, p := set(t)
	const rate, each = 256 << 10, 64 << 10
	change(t, p, netfault.Bandwidth(rate))
	began := time.Now()
	var work sync.WaitGroup
	for range 2 { // they share the bandwidth
		conn := dial(t, p)
		work.Go(func() {
			_, _ = conn.Write(make([]byte, each))
			_ = conn.CloseWrite()
		})
		work.Go(func() {
			if n, err := io.Copy(io.Discard, conn); n != each || err != nil {
				t.Errorf("got %d bytes, %v", n, err)
			}
		})
	}
	work.Wait()
	if took := time.Since(began); took < 450*time.Millisecond {
		t.Errorf("128 KiB at 256 KiB/s took %v", took)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	for _, f := range []netfault.Fault{
		netfault.Pass(), netfault.Cut(), netfault.Reset(), netfault.HalfOpen(), netfault.Latency(time.Hour, 0),
		netfault.Bandwidth(1),
	} {
		t.Run(f.String(), func(t *testing.T) {
			_, p := set(t)
			conn := dial(t, p)
			say(t, conn, "before")
			change(t, p, f)
			_, _ = conn.Write(make([]byte, 100<<10))
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			for {
				if _, err := conn.Read(make([]byte, 1<<10)); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("the connection is still there")
				} else if err != nil {
					break
				}
			}
			if err := p.Set(netfault.Pass()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Set after Close: %v", err)
			}
		})
	}
}

// TestChanges changes faults while connections are made, used and closed, for the race detector and goleak.
func TestChanges(t *testing.T) {
	_, p := set(t)
	done := make(chan struct{})
	var talking sync.WaitGroup
	for range 8 {
		talking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				conn, err := net.DialTimeout("tcp4", p.Addr(), time.Second)
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(20 * time.Millisecond))
				_, _ = conn.Write(make([]byte, 10<<10))
				_, _ = io.CopyN(io.Discard, conn, 10<<10)
				_ = conn.Close()
			}
		})
	}
	faults := []netfault.Fault{
		netfault.Pass(), netfault.Cut(), netfault.HalfOpen(), netfault.Reset(), netfault.Latency(10*time.Millisecond, time.Millisecond),
		netfault.Bandwidth(10 << 10),
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range 60 {
		change(t, p, faults[(i*i+i/7)%len(faults)])
		<-tick.C
	}
	close(done)
	talking.Wait()
}
