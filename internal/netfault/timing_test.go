package netfault

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// carry passes n bytes on, one message of each bytes after the other, under a fault. It returns how long they were on their way.
func carry(t *testing.T, f Fault, n, each int) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &Proxy{changed: make(chan struct{}), fault: f}
		p.ctx, p.stop = context.WithCancel(t.Context())
		defer p.stop()
		sender, in := net.Pipe()
		out, receiver := net.Pipe()
		c := &conn{proxy: p, client: in, server: out}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.pump(in, out, &p.there)
		}()
		began := time.Now()
		go func() {
			for range n / each {
				if _, err := sender.Write(make([]byte, each)); err != nil {
					t.Error(err)
				}
			}
		}()
		if _, err := io.ReadFull(receiver, make([]byte, n)); err != nil {
			t.Error(err)
		}
		took = time.Since(began)
		_ = sender.Close()
		<-ended
		_ = receiver.Close()
	})
	return took
}

// Messages that are sent together are on their way together.
func TestLatencyOfMany(t *testing.T) {
	if took := carry(t, Latency(200*time.Millisecond, 0), 200, 10); took != 100*time.Millisecond {
		t.Errorf("20 messages were on their way for %v, want half of the delay of a round trip, 100 ms", took)
	}
}

func TestBandwidthIsUsed(t *testing.T) {
	took := carry(t, Bandwidth(256<<10), 64<<10, 1<<10)
	if took < 250*time.Millisecond-time.Millisecond || took > 250*time.Millisecond {
		t.Errorf("64 KiB at 256 KiB/s took %v, want 250 ms", took)
	}
}
