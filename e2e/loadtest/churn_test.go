//go:build linux

package loadtest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/load"
)

// manner is a way to use and end a connection.
type manner struct {
	name string
	do   func(ctx context.Context, conn *net.TCPConn, mode load.Mode)
}

var manners = []manner{
	{"clean", func(ctx context.Context, conn *net.TCPConn, mode load.Mode) {
		ask(conn, mode)
		read(conn, 200*time.Millisecond)
		if mode == load.WebSocket {
			_, _ = conn.Write([]byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8}) // 1000, masked with zeros
			read(conn, 200*time.Millisecond)
		}
	}},
	{"reset", func(ctx context.Context, conn *net.TCPConn, mode load.Mode) {
		ask(conn, mode)
		read(conn, 100*time.Millisecond)
		_ = conn.SetLinger(0)
	}},
	{"half-close", func(ctx context.Context, conn *net.TCPConn, mode load.Mode) {
		ask(conn, mode)
		_ = conn.CloseWrite()
		read(conn, time.Second)
	}},
	{"garbage", func(ctx context.Context, conn *net.TCPConn, mode load.Mode) {
		if rand.IntN(2) == 0 {
			ask(conn, mode)
			read(conn, 100*time.Millisecond)
		}
		noise := make([]byte, 1+rand.IntN(4000))
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		_, _ = conn.Write(noise)
		read(conn, time.Second)
	}},
	{"mid-handshake", func(ctx context.Context, conn *net.TCPConn, mode load.Mode) {
		request := requestOf(conn, mode)
		_, _ = conn.Write([]byte(request[:rand.IntN(len(request))]))
		wait(ctx, time.Duration(rand.IntN(1500))*time.Millisecond)
	}},
	{"never reading", func(ctx context.Context, conn *net.TCPConn, mode load.Mode) {
		_ = conn.SetReadBuffer(4096)
		ask(conn, mode)
		wait(ctx, time.Duration(rand.IntN(3000))*time.Millisecond)
	}},
}

func requestOf(conn net.Conn, mode load.Mode) string {
	s := fmt.Sprintf("GET /live/%s/%s/?since=0 HTTP/1.1\r\nHost: %s\r\n", mode, channelID, conn.RemoteAddr())
	if mode == load.WebSocket {
		s += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	}
	return s + "\r\n"
}

func ask(conn net.Conn, mode load.Mode) { _, _ = io.WriteString(conn, requestOf(conn, mode)) }

// read reads until the end, at most for a time.
func read(conn net.Conn, most time.Duration) {
	_ = conn.SetReadDeadline(time.Now().Add(most))
	_, _ = io.Copy(io.Discard, conn)
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// churn opens connections, perSecond of them, each in a random manner over some transport. stop ends and awaits them all.
func churn(t *testing.T, addr string, perSecond int) (count *atomic.Int64, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	count = new(atomic.Int64)
	var working sync.WaitGroup
	dialer := net.Dialer{Timeout: patience}
	connect := func() {
		nc, err := dialer.DialContext(ctx, "tcp4", addr)
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("connect: %v", err)
			}
			return
		}
		conn := nc.(*net.TCPConn)
		defer func() { _ = conn.Close() }()
		n := count.Add(1)
		manners[rand.IntN(len(manners))].do(ctx, conn, streams[int(n)%len(streams)])
	}
	working.Go(func() {
		const step = 20 * time.Millisecond
		began := time.Now()
		for started := 0; ctx.Err() == nil; wait(ctx, step) {
			due := int(time.Since(began).Seconds() * float64(perSecond))
			due = min(due, started+perSecond/5) // no burst after a pause of the machine
			for ; started < due; started++ {
				working.Go(connect)
			}
		}
	})
	stop = func() {
		cancel()
		working.Wait()
	}
	t.Cleanup(stop)
	return count, stop
}
