package fanout

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
)

// crowd is how many readers a benchmark has.
const crowd = 1000

// BenchmarkDelivery writes one frame of 580 bytes to all readers: on the engine without and with TLS, and with a goroutine and
// crypto/tls for each. Peers read in the same process, which costs the same each time for each kind of connection. us/delivery is
// processor time of the process. bytes/reader is memory of an idle reader on the server's side, with its socket and without what
// the peer needs.
func BenchmarkDelivery(b *testing.B) {
	b.Run("engine", func(b *testing.B) { benchEngine(b, false) })
	b.Run("engine, TLS", func(b *testing.B) { benchEngine(b, true) })
	b.Run("goroutine, TLS", benchGoroutines)
}

// bench is one side of a benchmark: peers that throw away what comes, and count it.
type bench struct {
	*testing.B
	listener net.Listener
	got      atomic.Int64
	peers    []net.Conn
}

func newBench(b *testing.B) *bench {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	r := &bench{B: b, listener: ln}
	b.Cleanup(func() {
		_ = ln.Close()
		for _, c := range r.peers {
			_ = c.Close()
		}
	})
	return r
}

// connect returns the server's sides of all connections. The handshake is over, and the peer's tls.Conn is gone: it only counts the
// bytes on its socket.
func (r *bench) connect(secure bool) []net.Conn {
	listener := r.listener
	if secure {
		listener = tlsrecord.NewListener(listener, recordtest.Server())
	}
	conns := make([]net.Conn, crowd)
	for i := range conns {
		raw, err := net.Dial("tcp", r.listener.Addr().String())
		if err != nil {
			r.Fatal(err)
		}
		r.peers = append(r.peers, raw)
		said := make(chan error, 1)
		go func() {
			var c io.Writer = raw
			if secure {
				c = tls.Client(raw, recordtest.Trusting())
			}
			_, err := c.Write([]byte("?"))
			said <- err
		}()
		if conns[i], err = listener.Accept(); err != nil {
			r.Fatal(err)
		}
		if _, err := conns[i].Read(make([]byte, 1)); err != nil {
			r.Fatal(err)
		}
		if err := <-said; err != nil {
			r.Fatal(err)
		}
	}
	return conns
}

// drain has one goroutine for each peer read.
func (r *bench) drain() {
	for _, c := range r.peers {
		go func() {
			b := make([]byte, 1024)
			for {
				n, err := c.Read(b)
				if r.got.Add(int64(n)); err != nil {
					return
				}
			}
		}()
	}
}

// measure runs step b.N times. step starts a delivery to all; each peer gets size bytes of it.
func (r *bench) measure(size int, step func()) {
	before := processorTime()
	r.ResetTimer()
	for i := range r.N {
		step()
		for want := int64(i+1) * crowd * int64(size); r.got.Load() < want; {
			time.Sleep(100 * time.Microsecond)
		}
	}
	r.StopTimer()
	r.ReportMetric(float64((processorTime()-before).Nanoseconds())/1000/float64(r.N*crowd), "us/delivery")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory is what the process holds: heap and stacks.
func memory() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// sealed is how many bytes a frame of 580 bytes has with TLS.
const payload, sealed = 580, 580 + 5 + 1 + 16

func benchEngine(b *testing.B, secure bool) {
	r := newBench(b)
	engine, err := New(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer engine.Close()
	topic, size := &story{}, payload
	if secure {
		size = sealed
	}
	var delivered atomic.Int64
	fan := engine.NewTopic(&speech{}, topic, &delivered)
	before := memory()
	for _, conn := range r.connect(secure) {
		if err := fan.Join(conn, Join{}); err != nil {
			b.Fatal(err)
		}
	}
	idle := memory() - before
	r.drain()
	r.measure(size, func() { topic.move(payload - 20); fan.wake() })
	b.ReportMetric(float64(idle)/crowd, "bytes/reader")
}

// benchGoroutines has a goroutine for each reader that writes, and one that reads, as publisher/sse has.
func benchGoroutines(b *testing.B) {
	r := newBench(b)
	before := memory()
	conns := r.connect(true)
	var moved atomic.Pointer[chan struct{}]
	first := make(chan struct{})
	moved.Store(&first)
	frame := make([]byte, payload)
	for _, conn := range conns {
		go func() {
			for next := *moved.Load(); ; {
				<-next
				next = *moved.Load()
				_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
				if _, err := conn.Write(frame); err != nil {
					return
				}
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	time.Sleep(100 * time.Millisecond) // the goroutines have begun
	idle := memory() - before
	r.drain()
	r.measure(sealed, func() {
		next := make(chan struct{})
		close(*moved.Swap(&next))
	})
	b.ReportMetric(float64(idle)/crowd, "bytes/reader")
	for _, conn := range conns {
		_ = conn.Close()
	}
	close(*moved.Load())
}
