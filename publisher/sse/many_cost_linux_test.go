package sse

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// A connection with 100 channels costs far less than 100 connections. What the kernel needs for a socket is not in these numbers.
// MOTACILLA_CONNECTIONS is how many there are. They are compared with at most 9,000 of one channel, since both ends of each are
// open files of this process.
func TestSeveralCostLittle(t *testing.T) {
	const channels, most = publisher.MostChannels, 0.5 // a quarter, or a third if the runtime has kept what goroutines of other tests needed
	connections := 30
	if n, err := strconv.Atoi(os.Getenv("MOTACILLA_CONNECTIONS")); err == nil {
		connections = n
	}
	singles := min(connections*channels, 9000)
	s := openAlone(t)
	ids := make([]motacilla.ChannelID, channels)
	want := make([]string, channels)
	for i := range ids {
		ids[i] = motacilla.ChannelID(fmt.Sprintf("match-of-the-day-%d", i))
		s.Create(ids[i], motacilla.Public)
		want[i] = at(ids[i], s.Head(ids[i]))
	}
	warm := s.sockets(1, func(int) string { return severalPath(want...) })
	for _, ch := range ids { // all channels stay in memory, so that they count for neither
		warm = append(warm, s.sockets(1, func(int) string { return path(ch, fmt.Sprintf("?since=%d", s.Head(ch))) })...)
	}
	settled := s.settles()
	before := leaktest.Heap()
	many := s.sockets(connections, func(int) string { return severalPath(want...) })
	s.Eventually("all are there", func() bool { return s.stats().Readers.Load() == int64(connections+len(warm)) })
	settled()
	ofMany := leaktest.Heap() - before
	hangUp(many)
	s.Eventually("they have left", func() bool { return s.stats().Readers.Load() == int64(len(warm)) })

	settled()
	before = leaktest.Heap()
	single := s.sockets(singles, func(i int) string {
		return path(ids[i%channels], fmt.Sprintf("?since=%d", s.Head(ids[i%channels])))
	})
	s.Eventually("all are there", func() bool { return s.stats().Readers.Load() == int64(singles+len(warm)) })
	settled()
	ofSingle := leaktest.Heap() - before
	hangUp(append(single, warm...))

	bytesOfMany, bytesOfSingle := float64(ofMany)/float64(connections), float64(ofSingle)/float64(singles)
	ratio := bytesOfMany / (bytesOfSingle * channels)
	t.Logf("%d connections with %d channels: %.0f bytes each, %.3f of the memory of %d connections with %.0f bytes each",
		connections, channels, bytesOfMany, ratio, channels, bytesOfSingle)
	if ratio > most {
		t.Errorf("they take %.3f of the memory, want at most %.1f", ratio, most)
	}
}

// openAlone is open when nothing is left of the tests before, which would go while memory is looked at.
func openAlone(t *testing.T) *site {
	t.Helper()
	if err := leaktest.Find(publishertest.Patience); err != nil {
		t.Fatal(err)
	}
	return open(t, settings{})
}

// settles is called while there is nobody. What it returns waits until there are as few goroutines as now: those of net/http end some
// time after a connection was taken over, and a connection on the epoll engine has none.
func (s *site) settles() (settled func()) {
	idle := runtime.NumGoroutine()
	return func() {
		s.Helper()
		s.Eventually("there are as few goroutines as before", func() bool { return runtime.NumGoroutine() <= idle+4 })
	}
}

// An idle reader that accepts compression has no more memory than another one. What compresses is there once.
func TestCompressionCostsIdleReadersNothing(t *testing.T) {
	const readers = 1000
	s := openAlone(t)
	here := func(int) string { return path(match, "") }
	gzip := "Accept-Encoding: gzip\r\n"
	warm := append(s.sockets(1, here), s.sockets(1, here, gzip)...)
	s.Post(match, strings.Repeat("Compressed once. ", 50))
	settled := s.settles()
	cost := func(header ...string) float64 {
		t.Helper()
		settled()
		before := leaktest.Heap()
		fds := s.sockets(readers, here, header...)
		s.Eventually("all are there", func() bool { return s.stats().Readers.Load() == int64(readers+len(warm)) })
		settled()
		bytes := leaktest.Heap() - before
		hangUp(fds)
		s.Eventually("they have left", func() bool { return s.stats().Readers.Load() == int64(len(warm)) })
		return float64(bytes) / readers
	}
	cost() // what the engine needs for so many is there from now on
	plain, compressed := cost(), cost(gzip)
	hangUp(warm)
	t.Logf("an idle reader has %.0f bytes, with gzip %.0f", plain, compressed)
	if compressed > 1.05*plain+10 {
		t.Errorf("an idle reader that accepts gzip has %.0f bytes, another one %.0f", compressed, plain)
	}
}

// sockets makes requests over sockets that Go knows nothing of, and reads each answer until the first event is complete.
func (s *site) sockets(n int, path func(i int) string, headers ...string) (fds []int) {
	s.Helper()
	addr := s.Listener.Addr().(*net.TCPAddr)
	to := &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}
	buf := make([]byte, 64<<10)
	for i := range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err == nil {
			err = syscall.Connect(fd, to)
		}
		if err == nil {
			_, err = syscall.Write(fd, []byte("GET "+path(i)+" HTTP/1.1\r\nHost: live.example\r\n"+strings.Join(headers, "")+"\r\n"))
		}
		var got []byte
		for err == nil && !complete(got) {
			var read int
			read, err = syscall.Read(fd, buf)
			got = append(got, buf[:max(read, 0)]...)
			if read == 0 {
				s.Fatalf("the stream ended after %.200q", got)
			}
		}
		if err != nil {
			s.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

// complete reports whether an answer has an event.
func complete(answer []byte) bool {
	if bytes.Contains(answer, []byte("Content-Encoding: gzip")) {
		return bytes.HasSuffix(answer, []byte(compress.Flush))
	}
	return bytes.Contains(answer, []byte("data: ")) && bytes.HasSuffix(answer, []byte("\n\n"))
}

func hangUp(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}
