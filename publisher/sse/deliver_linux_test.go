package sse

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/liveblog"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// BenchmarkDelivery compares the CPU of a delivery in each coding, in turn: a post of a live blog, from the write into the store to the
// sockets of 2,000 readers. The readers take what came when nothing is measured.
//
//	go test ./publisher/sse -run '^$' -bench Delivery -benchtime 20x
func BenchmarkDelivery(b *testing.B) {
	const readers = 2000
	site := publishertest.NewSite(b, &publishertest.SiteOptions{Renderer: page.NewRenderer()})
	site.Add(New(site.Feed, nil))
	server := site.Serve(nil)
	codings := []string{"identity", "gzip", "zstd"}
	conns := map[string][]net.Conn{}
	for _, coding := range codings {
		site.Create(motacilla.ChannelID(coding), motacilla.Public)
		for range readers {
			conn := server.Dial()
			_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n", path(motacilla.ChannelID(coding), ""), coding)
			if _, err := bufio.NewReaderSize(conn, 16).ReadByte(); err != nil {
				b.Fatal(err)
			}
			conns[coding] = append(conns[coding], conn)
		}
	}
	stats := site.Stats(name)
	spent := map[string]time.Duration{}
	for i := 0; b.Loop(); i++ {
		for _, coding := range codings {
			post := motacilla.Post{
				Show: true, Author: "Ana Ferreira",
				Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(liveblog.Posts()[i%len(liveblog.Posts())]))},
			}
			runtime.GC()
			want, before := stats.Deliveries.Load()+readers, cpu(b)
			if _, err := site.Store.PutPost(b.Context(), motacilla.ChannelID(coding), post, 0); err != nil {
				b.Fatal(err)
			}
			for stats.Deliveries.Load() < want {
				time.Sleep(time.Millisecond)
			}
			spent[coding] += cpu(b) - before
			for _, conn := range conns[coding] {
				drop(conn)
			}
		}
	}
	for _, coding := range codings {
		b.ReportMetric(float64(spent[coding].Nanoseconds())/1000/float64(readers*b.N), coding+"-µs")
		if coding != "identity" {
			b.ReportMetric(float64(spent[coding])/float64(spent["identity"]), coding+"/identity")
		}
	}
}

// cpu returns the time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// drop throws away what a socket has.
func drop(conn net.Conn) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 64<<10)
	_ = raw.Read(func(fd uintptr) bool {
		_, _ = syscall.Read(int(fd), buf)
		return true
	})
}
