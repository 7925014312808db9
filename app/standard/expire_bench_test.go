package standard_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// readersOf is the address of the server of a process that plays its readers.
const readersOf = "MOTACILLA_BENCHMARK_READERS_OF"

const (
	expiring     = 10_000
	expireBefore = 60 * time.Second // all are connected by then
	expireWithin = 10 * time.Second
)

// BenchmarkSignedStreamsExpire has 10,000 streams, each with a signed token of its own, which expire within ten seconds. It reports what a
// stream costs meanwhile, and how long after its token it ends. Run it with -benchtime 1x.
func BenchmarkSignedStreamsExpire(b *testing.B) {
	if addr := os.Getenv(readersOf); addr != "" {
		playReaders(b, addr)
		return
	}
	store := memory.New(nil)
	held := storage.Register[struct{}]("held", nil, func() storage.Store { return store })
	var server *app.Server
	in := &app.Input{YAML: []byte(accessConfig), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error", "storage.type": "held"}}
	a := app.New(standard.Module, held, fx.Supply(in), fx.Populate(&server))
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Stop(context.Background()) }()
	if _, err := store.PutChannel(b.Context(), motacilla.Channel{ID: "own-1", Access: motacilla.Private}, 0); err != nil {
		b.Fatal(err)
	}
	before := usage()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run", "^$", "-test.bench", "SignedStreamsExpire", "-test.benchtime", "1x")
	cmd.Env, cmd.Stderr = append(os.Environ(), readersOf+"="+server.Addr().String()), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var early int
		var p50, p99, most float64
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "connected"):
			open := usage()
			b.ReportMetric(float64(open.goroutines-before.goroutines)/expiring, "goroutines/stream")
			b.ReportMetric(float64(open.bytes-before.bytes)/expiring, "B/stream")
		case strings.HasPrefix(line, "ended"):
			if _, err := fmt.Sscanf(line, "ended %d %g %g %g", &early, &p50, &p99, &most); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(early), "early")
			b.ReportMetric(p50, "p50-ms-late")
			b.ReportMetric(p99, "p99-ms-late")
			b.ReportMetric(most, "max-ms-late")
		}
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}

type used struct {
	goroutines int
	bytes      int64
}

func usage() used {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{runtime.NumGoroutine(), int64(m.HeapAlloc + m.StackInuse)}
}

// playReaders connects the readers, tells the parent, and then how late their streams have ended. The leeway of the server is 10 s.
func playReaders(b *testing.B, addr string) {
	begin := time.Now().Add(expireBefore)
	conns, ends := make([]net.Conn, expiring), make([]time.Time, expiring)
	var connecting sync.WaitGroup
	for hand := range 8 {
		connecting.Go(func() {
			for i := hand; i < expiring; i += 8 {
				exp := begin.Add(expireWithin * time.Duration(i) / expiring).Truncate(time.Second)
				token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
					"sub": fmt.Sprint(i), "jti": fmt.Sprint(i), "aud": "motacilla", "iat": time.Now().Unix(), "exp": exp.Unix(), "motacilla": "reader",
				}).SignedString([]byte(signingKey))
				if err != nil {
					b.Error(err)
					return
				}
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					b.Error(err)
					return
				}
				fmt.Fprintf(conn, "GET /live/sse/own-1 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", addr, token)
				buf := make([]byte, 512)
				if n, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 200") {
					b.Errorf("reader %d: %q, %v", i, buf[:n], err)
					return
				}
				conns[i], ends[i] = conn, exp.Add(10*time.Second)
			}
		})
	}
	connecting.Wait()
	if b.Failed() {
		return
	}
	fmt.Printf("\nconnected %v before the first expires\n", time.Until(begin))
	late, early := make([]float64, expiring), 0
	var reading sync.WaitGroup
	for i, conn := range conns {
		reading.Go(func() {
			_, _ = io.Copy(io.Discard, conn)
			late[i] = float64(time.Since(ends[i]).Microseconds()) / 1000
		})
	}
	reading.Wait()
	slices.Sort(late)
	for _, ms := range late {
		if ms < -1 {
			early++
		}
	}
	fmt.Printf("\nended %d %g %g %g\n", early, late[expiring/2], late[expiring*99/100], late[expiring-1])
}
