package live_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"golang.org/x/sys/unix"
)

// These benchmarks compare, in one run and in turn, a site that knows one token with a site that has package access.
//
//	go test ./live -run '^$' -bench Access -benchtime 100x -count 10

// benched is a site for benchmarks. The channel match is public, members is private.
type benched struct {
	*live.Live
	kit *access.Kit // nil without package access
}

// countedStore counts how often records are read.
type countedStore struct {
	storage.Store
	reads atomic.Int64
}

type countedRecords struct {
	motacilla.Records
	reads *atomic.Int64
}

func (c *countedStore) Records() motacilla.Records {
	return countedRecords{c.Store.Records(), &c.reads}
}

func (r countedRecords) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	r.reads.Add(1)
	return r.Records.Get(ctx, namespace, key)
}

func newBenched(b *testing.B, store storage.Store, accessed bool) *benched {
	b.Helper()
	o := live.Options{
		Store: store, BasePath: base, Token: secret, Feed: publisher.FeedOptions{Heartbeat: time.Hour},
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{sse.New(p.Feed, nil), polling.NewInterval(p.Feed, nil)}
		},
	}
	s := &benched{}
	if accessed {
		s.kit = access.NewKit(&access.KitOptions{Records: store.Records()})
		o.Token, o.Access = "", access.New(s.kit, secret)
	}
	var err error
	if s.Live, err = live.New(o); err == nil {
		err = s.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

func benchStore(b *testing.B) storage.Store {
	b.Helper()
	store := memory.New(nil)
	b.Cleanup(func() { _ = store.Close() })
	for id, who := range map[motacilla.ChannelID]motacilla.Access{match: motacilla.Public, members: motacilla.Private} {
		if _, err := store.PutChannel(b.Context(), motacilla.Channel{ID: id, Access: who}, 0); err != nil {
			b.Fatal(err)
		}
	}
	return store
}

// session signs somebody in, and returns the cookie.
func (s *benched) session(b *testing.B, name string) string {
	b.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/", nil)
	acc := &access.Account{Who: "staff/" + name, Name: name, Rights: access.Rights{{Role: access.Reader}}}
	if err := s.kit.SignIn(w, r, acc, true, 0); err != nil {
		b.Fatal(err)
	}
	c := w.Result().Cookies()[0]
	return c.Name + "=" + c.Value
}

// silent is a ResponseWriter that keeps the status.
type silent struct {
	header http.Header
	status int
}

func (a *silent) Header() http.Header                { return a.header }
func (a *silent) WriteHeader(status int)             { a.status = status }
func (a *silent) Write(b []byte) (int, error)        { return len(b), nil }
func (a *silent) SetReadDeadline(time.Time) error    { return nil }
func (a *silent) SetWriteDeadline(_ time.Time) error { return nil }
func (a *silent) FlushError() error                  { return nil }

// poll returns a function that makes a poll with nothing new.
func (s *benched) poll(b *testing.B, ch motacilla.ChannelID, header, value string) func() {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, base+"/live/interval-polling/"+string(ch)+"/", http.NoBody)
	r.Header.Set("User-Agent", "Mozilla/5.0")
	if header != "" {
		r.Header.Set(header, value)
	}
	a := &silent{header: make(http.Header)}
	s.ServeHTTP(a, r)
	r.Header.Set("If-None-Match", a.header.Get("ETag"))
	return func() {
		clear(a.header)
		s.ServeHTTP(a, r)
		if a.status != http.StatusNotModified {
			b.Fatal(a.status)
		}
	}
}

// cpuOf returns the time that this thread or the process has worked, by its clock. The kernel's account of its use counts ticks.
func cpuOf(b *testing.B, clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// BenchmarkAccessPoll has what access adds to a poll with nothing new.
func BenchmarkAccessPoll(b *testing.B) {
	store := benchStore(b)
	plain, accessed := newBenched(b, store, false), newBenched(b, store, true)
	named, err := accessed.kit.CreateToken(b.Context(), access.Token{Name: "ci", Rights: access.Rights{{Role: access.Reader}}})
	if err != nil {
		b.Fatal(err)
	}
	const authorization, other = "Authorization", "_ga=GA1.2.1234567890.1234567890; consent=yes"
	for _, c := range []struct {
		name                      string
		channel                   motacilla.ChannelID
		header, without, withThis string
	}{
		{"public", match, "", "", ""},
		{"public,other-cookies", match, "Cookie", other, other},
		{"private,server's-token", members, authorization, "Bearer " + secret, "Bearer " + secret},
		{"private,named-token", members, authorization, "Bearer " + secret, "Bearer " + named},
		{"private,session", members, "", "", accessed.session(b, "anna")},
	} {
		b.Run(c.name, func(b *testing.B) {
			with := accessed.poll(b, c.channel, cmp.Or(c.header, "Cookie"), c.withThis)
			header, value := c.header, c.without
			if c.channel == members && value == "" {
				header, value = authorization, "Bearer "+secret
			}
			without := plain.poll(b, c.channel, cmp.Or(header, "Cookie"), value)
			const chunk = 50
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var spent [2][]time.Duration
			each := [2]func(){without, with}
			for round := 0; b.Loop(); round++ {
				for k := range each {
					i := (k + round) % 2 // the second has a warmer cache
					poll := each[i]
					before := cpuOf(b, unix.CLOCK_THREAD_CPUTIME_ID)
					for range chunk {
						poll()
					}
					spent[i] = append(spent[i], cpuOf(b, unix.CLOCK_THREAD_CPUTIME_ID)-before)
				}
			}
			var median [2]float64 // of a poll; on a busy machine the mean tells little
			for i, all := range spent {
				slices.Sort(all)
				median[i] = float64(all[len(all)/2].Nanoseconds()) / chunk
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median[0], "token-ns")
			b.ReportMetric(median[1], "access-ns")
			b.ReportMetric(median[1]-median[0], "added-ns")
		})
	}
}

// crowd opens streams, each with a credential of its own, and returns when all have their first event.
func (s *benched) crowd(b *testing.B, address string, ch motacilla.ChannelID, readers int, credential func(i int) string) (conns []net.Conn) {
	b.Helper()
	for i := range readers {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		conns = append(conns, conn)
		_, _ = fmt.Fprintf(conn, "GET %s/live/sse/%s HTTP/1.1\r\nHost: a\r\n%s\r\n", base, ch, credential(i))
		if line, err := bufio.NewReaderSize(conn, 16).ReadString(' '); err != nil || line != "HTTP/1.1 " {
			b.Fatal(line, err)
		}
		drain(conn)
	}
	return conns
}

// drain throws away what a socket has.
func drain(conn net.Conn) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 4<<10)
	_ = raw.Read(func(fd uintptr) bool {
		_, _ = syscall.Read(int(fd), buf)
		return true
	})
}

func heap() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// crowds are the readers of the benchmarks below: their site and channel, and how each shows who it is.
func crowds(b *testing.B, plain, accessed *benched) []struct {
	name       string
	site       *benched
	channel    motacilla.ChannelID
	credential func(i int) string
} {
	named, err := accessed.kit.CreateToken(b.Context(), access.Token{Name: "all", Rights: access.Rights{{Role: access.Reader}}})
	if err != nil {
		b.Fatal(err)
	}
	none := func(int) string { return "" }
	return []struct {
		name       string
		site       *benched
		channel    motacilla.ChannelID
		credential func(i int) string
	}{
		{"public,token", plain, match, none},
		{"public,access", accessed, match, none},
		{"private,one-token", accessed, members, func(int) string { return "Authorization: Bearer " + named + "\r\n" }},
		{"private,sessions", accessed, members, func(i int) string {
			return "Cookie: " + accessed.session(b, fmt.Sprint(i)) + "\r\n"
		}},
	}
}

// BenchmarkAccessIdle has the memory of an idle reader: the server's, and the little that the client has in this process.
func BenchmarkAccessIdle(b *testing.B) {
	const readers = 2000
	store := benchStore(b)
	plain, accessed := newBenched(b, store, false), newBenched(b, store, true)
	for _, c := range crowds(b, plain, accessed) {
		b.Run(c.name, func(b *testing.B) {
			server := httptest.NewServer(c.site)
			defer server.Close()
			credentials := make([]string, readers) // the records of sessions are not the readers'
			for i := range readers {
				credentials[i] = c.credential(i)
			}
			c.site.crowd(b, server.Listener.Addr().String(), c.channel, 1, func(int) string { return credentials[0] })[0].Close()
			for b.Loop() {
				before := heap()
				conns := c.site.crowd(b, server.Listener.Addr().String(), c.channel, readers, func(i int) string { return credentials[i] })
				b.ReportMetric(float64(heap()-before)/readers, "B/reader")
				for _, conn := range conns {
					_ = conn.Close()
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkAccessMove has what it costs to hand a reader over to another process, without the socket's own way.
func BenchmarkAccessMove(b *testing.B) {
	const readers = 500
	store := &countedStore{Store: benchStore(b)}
	sites := [2][2]*benched{{newBenched(b, store, false), newBenched(b, store, false)}, {newBenched(b, store, true), newBenched(b, store, true)}}
	for _, c := range crowds(b, sites[0][0], sites[1][0]) {
		b.Run(c.name, func(b *testing.B) {
			pair := sites[0]
			if c.site.kit != nil {
				pair = sites[1]
			}
			server := httptest.NewServer(c.site)
			defer server.Close()
			conns := c.site.crowd(b, server.Listener.Addr().String(), c.channel, readers, c.credential)
			defer func() {
				for _, conn := range conns {
					_ = conn.Close()
				}
			}()
			var spent time.Duration
			reads, moves := int64(0), 0
			for from := 0; b.Loop(); from = 1 - from {
				before, read := cpuOf(b, unix.CLOCK_PROCESS_CPUTIME_ID), store.reads.Load()
				for moved := 0; moved < readers; {
					err := pair[from].HandOver(b.Context(), func(at string, h publisher.Handed) error {
						moved++
						return pair[1-from].TakeOver(b.Context(), at, h)
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				spent += cpuOf(b, unix.CLOCK_PROCESS_CPUTIME_ID) - before
				reads += store.reads.Load() - read
				moves += readers
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(spent.Nanoseconds())/float64(moves), "ns/reader")
			b.ReportMetric(float64(reads)/float64(moves), "reads/reader")
		})
	}
}

// BenchmarkAccessDelivery has the CPU of a delivery, from the write into the store to the readers, who take it.
func BenchmarkAccessDelivery(b *testing.B) {
	const readers = 500
	var names []string
	posts, spent := make(map[string]func()), make(map[string]time.Duration)
	for i := range 4 {
		store := benchStore(b) // of its own, so that the others have nothing to do
		c := crowds(b, newBenched(b, store, false), newBenched(b, store, true))[i]
		server := httptest.NewServer(c.site)
		b.Cleanup(server.Close)
		conns := c.site.crowd(b, server.Listener.Addr().String(), c.channel, readers, c.credential)
		b.Cleanup(func() {
			for _, conn := range conns {
				_ = conn.Close()
			}
		})
		buf := make([]byte, 64<<10)
		names = append(names, c.name)
		posts[c.name] = func() {
			post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("Goal!"))}}
			p, err := store.PutPost(b.Context(), c.channel, post, 0)
			if err != nil {
				b.Fatal(err)
			}
			for _, conn := range conns {
				for got := ""; !strings.Contains(got, string(p.ID)); {
					n, err := conn.Read(buf)
					if err != nil {
						b.Fatal(err)
					}
					got += string(buf[:n])
				}
			}
		}
		posts[c.name]()
	}
	for b.Loop() {
		for _, name := range names {
			before := cpuOf(b, unix.CLOCK_PROCESS_CPUTIME_ID)
			posts[name]()
			spent[name] += cpuOf(b, unix.CLOCK_PROCESS_CPUTIME_ID) - before
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, name := range names {
		b.ReportMetric(float64(spent[name].Nanoseconds())/float64(readers*b.N), name+"-ns")
	}
}
