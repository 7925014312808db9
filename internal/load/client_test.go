//go:build linux

package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/internal/process"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience bounds how long a test waits. It must only end a test that hangs.
const patience = 2 * time.Minute

// update has the parts of an update that the client reads: its revision, and the numbers of its posts.
func update(revision int, seqs ...int) string {
	u := fmt.Sprintf(`{"revision":%d,"renders":{`, revision)
	for _, seq := range seqs {
		u += message.Text(seq, 1)
	}
	return u + "}}"
}

func event(revision int, seqs ...int) string { return "data: " + update(revision, seqs...) + "\n\n" }

func frame(revision int, seqs ...int) string {
	body := update(revision, seqs...)
	return string([]byte{0x81, 126, byte(len(body) >> 8), byte(len(body))}) + body
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func answer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const (
	streamHead  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
	upgraded    = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
)

func TestWhatReadersGet(t *testing.T) {
	tests := []struct {
		name    string
		mode    Mode
		sent    string
		lost    int
		doubled int
		back    int
		ended   string // why the connection ended, if it did
	}{
		{name: "stream", mode: SSE, sent: streamHead + ": hi\n\n" + event(1) + event(2, 1) + event(3, 2) + event(4, 3)},
		{name: "chunks", mode: SSE, sent: chunkedHead + chunk(event(2, 1)) + chunk(event(3, 2)[:40]) + chunk(event(3, 2)[40:]) + chunk(event(4, 3))},
		{name: "bare", mode: Raw, sent: ": hi\n\n" + event(2, 1) + event(3, 2) + event(4, 3)},
		{name: "frames", mode: WebSocket, sent: upgraded + frame(2, 1) + "\x89\x02hi" + frame(3, 2) + frame(4, 3)},
		{name: "answers", mode: LongPoll, sent: answer(update(2, 1)) + answer(update(3, 2)) + answer(update(4, 3))},
		{name: "merged", mode: SSE, sent: streamHead + event(3, 1, 2) + event(4, 3)},
		{name: "a heartbeat between", mode: SSE, sent: streamHead + event(2, 1) + event(2) + event(4, 2, 3)},
		{name: "one lost", mode: SSE, sent: streamHead + event(2, 1) + event(4, 3), lost: 1},
		{name: "the first lost", mode: WebSocket, sent: upgraded + frame(3, 2) + frame(4, 3), lost: 1},
		{name: "one twice", mode: SSE, sent: streamHead + event(2, 1) + event(3, 2) + event(3, 2) + event(4, 3), doubled: 1},
		{name: "one late", mode: SSE, sent: streamHead + event(3, 2) + event(2, 1) + event(4, 3), lost: 1, doubled: 1, back: 1},
		{name: "a revision that goes back", mode: SSE, sent: streamHead + event(3, 1) + event(2, 2) + event(4, 3), back: 1},
		{name: "not found", mode: SSE, sent: "HTTP/1.1 404 Not Found\r\n\r\n", ended: "status 404"},
		{name: "not upgraded", mode: WebSocket, sent: streamHead, ended: "status 200"},
		{name: "closed", mode: WebSocket, sent: upgraded + "\x88\x02\x03\xe9", ended: "closed with"},
		{name: "masked", mode: WebSocket, sent: upgraded + "\x81\x81\x00\x00\x00\x00a", ended: "masked"},
		{name: "fragmented", mode: WebSocket, sent: upgraded + "\x01\x01a", ended: "fragmented"},
		{name: "the last chunk", mode: SSE, sent: chunkedHead + chunk(event(2, 1)) + chunk(""), ended: "ended the answer"},
		{name: "no length", mode: LongPoll, sent: streamHead, ended: "Content-Length"},
		{name: "no HTTP", mode: SSE, sent: "SSH-2.0-OpenSSH\r\n\r\n", ended: "no answer of HTTP"},
	}
	for _, tt := range tests {
		for _, size := range []int{1 << 20, 7, 1} { // of the pieces that are sent
			t.Run(fmt.Sprintf("%s/%d", tt.name, size), func(t *testing.T) {
				c := newClient(t, Spec{Addr: script(t, tt.mode, tt.sent, size), Mode: tt.mode, Path: "/", Readers: 1, Updates: 3})
				err := c.Connect(patience)
				if err == nil {
					err = c.Await(3, patience)
				}
				got := c.Report()
				if tt.ended != "" {
					if err == nil || got.Closed != 1 || !strings.Contains(got.Fault, tt.ended) {
						t.Fatalf("%v, %d connections ended %q, want %q", err, got.Closed, got.Fault, tt.ended)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got.Lost != tt.lost || got.Doubled != tt.doubled || got.Backwards != tt.back {
					t.Errorf("%d lost, %d doubled, %d back, want %d, %d, %d",
						got.Lost, got.Doubled, got.Backwards, tt.lost, tt.doubled, tt.back)
				}
			})
		}
	}
}

// script answers each request with bytes in pieces. It returns its address.
func script(t *testing.T, mode Mode, sent string, size int) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { play(nc, mode, sent, size) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().String()
}

func play(nc net.Conn, mode Mode, sent string, size int) {
	defer func() { _ = nc.Close() }()
	in := bufio.NewReader(nc)
	for first := true; mode != Raw; first = false {
		line, err := in.ReadString('\n')
		if err != nil || line == "\r\n" {
			break
		}
		if first && strings.HasPrefix(line, "GET /fence ") {
			_, _ = io.WriteString(nc, "HTTP/1.1 404 Not Found\r\n\r\n")
			return
		}
	}
	for rest := sent; rest != ""; {
		n := min(size, len(rest))
		if _, err := io.WriteString(nc, rest[:n]); err != nil {
			return
		}
		rest = rest[n:]
	}
	_, _ = io.Copy(io.Discard, in) // until the client closes
}

func newClient(t *testing.T, spec Spec) *Client {
	t.Helper()
	c, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// feed holds the updates of the servers below, which deliver each when it is added.
type feed struct {
	mu      sync.Mutex
	updates []string
	next    chan struct{}
}

func newFeed() *feed { return &feed{next: make(chan struct{})} }

func (f *feed) add(u string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(f.updates, u)
	close(f.next)
	f.next = make(chan struct{})
}

// from waits for update i and returns it.
func (f *feed) from(r *http.Request, i int) (string, bool) {
	for {
		f.mu.Lock()
		next, list := f.next, f.updates
		f.mu.Unlock()
		if i < len(list) {
			return list[i], true
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return "", false
		}
	}
}

func TestManyReadersOfRealServers(t *testing.T) {
	const readers, updates, silent = 150, 5, 3
	stamp := func() int64 {
		now, err := process.Now()
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	upgrader := websocket.Upgrader{}
	var sockets sync.WaitGroup
	var unanswered atomic.Int64 // pings
	handlers := map[Mode]func(f *feed, w http.ResponseWriter, r *http.Request){
		SSE: func(f *feed, w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			for i := 0; ; i++ {
				u, ok := f.from(r, i)
				if !ok {
					return
				}
				fmt.Fprintf(w, "data: %s\n\n", u)
				w.(http.Flusher).Flush()
			}
		},
		WebSocket: func(f *feed, w http.ResponseWriter, r *http.Request) {
			sockets.Add(1) // the server does not wait for them
			defer sockets.Done()
			conn, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			gone := make(chan struct{})
			pongs := make(chan string, 1)
			conn.SetPongHandler(func(s string) error { pongs <- s; return nil })
			go func() { defer close(gone); _, _, _ = conn.ReadMessage() }()
			if conn.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(patience)) != nil {
				return
			}
			for i := range updates {
				u, ok := f.from(r, i)
				if !ok || conn.WriteMessage(websocket.TextMessage, []byte(u)) != nil {
					return
				}
			}
			<-gone // the pong came before, if it came
			select {
			case got := <-pongs:
				if got != "there?" {
					t.Errorf("a pong with %q", got)
				}
			default:
				unanswered.Add(1)
			}
		},
		LongPoll: func(f *feed, w http.ResponseWriter, r *http.Request) {
			var since int
			_, _ = fmt.Sscan(r.URL.Query().Get("since"), &since)
			if u, ok := f.from(r, since); ok {
				_, _ = io.WriteString(w, u)
			}
		},
		NchanPoll: func(f *feed, w http.ResponseWriter, r *http.Request) {
			var since int
			_, _ = fmt.Sscan(r.Header.Get("If-None-Match"), &since)
			if since > 0 && r.Header.Get("If-Modified-Since") != "a date" {
				t.Error("no If-Modified-Since")
			}
			if u, ok := f.from(r, since); ok {
				w.Header().Set("Last-Modified", "a date")
				w.Header().Set("Etag", fmt.Sprint(since+1))
				_, _ = io.WriteString(w, u)
			}
		},
	}
	for mode, handle := range handlers {
		for _, over := range []Spec{{}, {TLS: true}, {TLS: true, Streams: 20}} {
			if over.Streams > 0 && mode != SSE {
				continue
			}
			t.Run(fmt.Sprintf("%s, TLS %v, %d streams", mode, over.TLS, over.Streams), func(t *testing.T) {
				f := newFeed()
				mux := http.NewServeMux()
				mux.HandleFunc("GET /read", func(w http.ResponseWriter, r *http.Request) {
					if (r.ProtoMajor == 2) != (over.Streams > 0) || (r.TLS != nil) != over.TLS {
						t.Errorf("a request over %s", r.Proto)
					}
					handle(f, w, r)
				})
				over.Mode, over.Path, over.Readers, over.Updates = mode, "/read", readers, updates
				if over.Streams == 0 {
					over.Silent = silent
				}
				srv, accepted := serve(over, mux)
				defer srv.Close()
				over.Addr = srv.Listener.Addr().String()
				c := newClient(t, over)
				defer func() { _ = c.Close() }() // before the server is closed, which waits for its handlers
				if err := c.Connect(patience); err != nil {
					t.Fatal(err)
				}
				for seq := 1; seq <= updates; seq++ {
					f.add(fmt.Sprintf(`{"revision":%d,"renders":{%s}}`, seq, message.Text(seq, stamp())))
					if err := c.Await(seq, patience); err != nil {
						t.Fatal(err)
					}
				}
				got := c.Report()
				if got.Deliveries != (readers-over.Silent)*updates || got.Lost+got.Doubled+got.Backwards+got.Closed != 0 {
					t.Errorf("%+v", got)
				}
				if got.P50 <= 0 || got.P99 < got.P50 || len(got.Last) != updates {
					t.Errorf("times %v, %v, %v", got.P50, got.P99, got.Last)
				}
				if n := int(accepted.Load()); over.Streams > 0 && n != (readers+over.Streams-1)/over.Streams {
					t.Errorf("%d readers share %d connections", readers, n)
				}
			})
		}
	}
	sockets.Wait()
	if n := unanswered.Load(); n > silent { // a silent reader may have been sent its ping when it no longer read
		t.Errorf("%d pings were not answered, want at most %d", n, silent)
	}
}

// serve returns a server for clients with that spec, and how many connections it has accepted.
func serve(over Spec, h http.Handler) (*httptest.Server, *atomic.Int64) {
	accepted := new(atomic.Int64)
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}
	srv.EnableHTTP2 = over.Streams > 0
	if over.TLS {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	return srv, accepted
}

func TestSourceAddresses(t *testing.T) {
	from := make(map[string]int)
	var mu sync.Mutex
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		from[host]++
		mu.Unlock()
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	c := newClient(t, Spec{Addr: srv.Listener.Addr().String(), Mode: SSE, Path: "/", Readers: 25})
	defer func() { _ = c.Close() }()
	c.perAddress = 10
	if err := c.Connect(patience); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if from["127.0.0.2"] != 10 || from["127.0.0.3"] != 10 || from["127.0.0.4"] != 5 {
		t.Errorf("readers come from %v", from)
	}
}

func TestAwaitSaysWhoLacksAnUpdate(t *testing.T) {
	c := newClient(t, Spec{Addr: script(t, SSE, streamHead+event(2, 1), 1<<20), Mode: SSE, Path: "/", Readers: 1, Updates: 2})
	if err := c.Connect(patience); err != nil {
		t.Fatal(err)
	}
	if err := c.Await(1, patience); err != nil {
		t.Fatal(err)
	}
	if err := c.Await(2, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "1 readers lack it") {
		t.Errorf("Await of what does not come: %v", err)
	}
}

func TestSpecsThatAreNone(t *testing.T) {
	for _, spec := range []Spec{
		{Addr: "nowhere", Mode: SSE, Readers: 1}, {Addr: "127.0.0.1:1", Mode: "carrier-pigeon", Readers: 1},
		{Addr: "127.0.0.1:1", Mode: SSE}, {Addr: "[::1]:1", Mode: SSE, Readers: 1},
		{Addr: "127.0.0.1:1", Mode: SSE, Readers: 1, Silent: 1},
	} {
		if _, err := New(spec); err == nil {
			t.Errorf("%+v is taken", spec)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, Spec{Addr: addr, Mode: SSE, Path: "/", Readers: 2, Updates: 1})
	if err := c.Connect(patience); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Connect: %v", err)
	}
}

func TestTheSilentTakeLittle(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := newClient(t, Spec{Addr: l.Addr().String(), Mode: Raw, Readers: 2, Updates: 1, Silent: 1})
	var conns []net.Conn
	accepted := make(chan error, 1)
	go func() {
		for range 2 {
			nc, err := l.Accept()
			if err == nil {
				conns = append(conns, nc)
				_, err = io.WriteString(nc, ": hi\n\n")
			}
			if err != nil {
				accepted <- err
				return
			}
		}
		accepted <- nil
	}()
	if err := errors.Join(c.Connect(patience), <-accepted); err != nil {
		t.Fatal(err)
	}
	silent := conns[0] // connections are accepted in their order
	defer func() { _ = conns[0].Close(); _ = conns[1].Close() }()
	taken := 0
	for taken < 1<<20 {
		if err := silent.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := io.WriteString(silent, event(2, 1))
		taken += n
		if err != nil {
			break
		}
	}
	if taken >= 256<<10 {
		t.Errorf("the kernel took %d bytes for a reader that reads nothing", taken)
	}
	if _, err := io.WriteString(conns[1], event(2, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Await(1, patience); err != nil {
		t.Error("the other one: ", err)
	}
}

// Readers take the channels in turn.
func TestReadersOfManyChannels(t *testing.T) {
	var mu sync.Mutex
	asked := make(map[string]int)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		_, _ = io.WriteString(w, event(10, 1))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	c, err := New(Spec{Addr: srv.Listener.Addr().String(), Mode: SSE, Path: "/live/ch-{n}/", Since: -1, Readers: 5, Updates: 1, Channels: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := errors.Join(c.Connect(patience), c.Await(1, patience)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if asked["/live/ch-0/"] != 2 || asked["/live/ch-1/"] != 2 || asked["/live/ch-2/"] != 1 || len(asked) != 3 {
		t.Errorf("they asked for %v", asked)
	}
}
