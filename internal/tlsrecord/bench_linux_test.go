package tlsrecord

import (
	"crypto/tls"
	"net"
	"syscall"
	"testing"
	"time"
)

// BenchmarkConnection makes a connection in memory and reads the first request: with crypto/tls alone, watched, and watched and
// taken over. Both sides are in the figures. us/connection is processor time.
func BenchmarkConnection(b *testing.B) {
	certificate, err := selfSigned()
	if err != nil {
		b.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	ours := newListener(nil, config).(*listener)
	for _, bench := range []struct {
		name   string
		server func(net.Conn) *tls.Conn
		take   bool
	}{
		{"crypto/tls", func(c net.Conn) *tls.Conn { return tls.Server(c, config) }, false},
		{"watched", ours.server, false},
		{"taken over", ours.server, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime()
			defer func() {
				b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "us/connection")
			}()
			for range b.N {
				near, far := newPipe()
				done := make(chan error, 1)
				go func() {
					_, err := tls.Client(far, &tls.Config{InsecureSkipVerify: true}).Write([]byte("first"))
					done <- err
				}()
				server := bench.server(near)
				if err := expect(server, "first"); err != nil {
					b.Fatal(err)
				}
				if bench.take {
					if _, _, _, err := Take(server); err != nil {
						b.Fatal(err)
					}
				}
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkSeal(b *testing.B) {
	for _, id := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256} {
		b.Run(tls.CipherSuiteName(id), func(b *testing.B) {
			s := &Session{suite: suiteOf(id)}
			if err := s.secure(); err != nil {
				b.Fatal(err)
			}
			data, record := make([]byte, 580), make([]byte, 0, MaxRecord)
			b.ReportAllocs()
			for range b.N {
				s.Seal(record, data)
			}
		})
	}
}
