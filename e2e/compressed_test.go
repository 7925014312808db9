package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/security"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// compressing is a site that compresses.
type compressing struct {
	t      *testing.T
	store  *memory.Store
	server *httptest.Server
	asked  atomic.Value // the Accept-Encoding of the last request for a stream
}

func newCompressing(t *testing.T, transport string, secure bool, lifetime time.Duration, codings ...string) *compressing {
	t.Helper()
	s := &compressing{t: t, store: memory.New(nil)}
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: channel, Title: "The match"}, 0); err != nil {
		t.Fatal(err)
	}
	l, err := live.New(live.Options{
		Store: s.store, Compression: codings,
		Publishers: func(p *live.Parts) []publisher.Publisher {
			if transport == "websocket" {
				return []publisher.Publisher{websocket.New(p.Feed, &websocket.Options{Origins: p.Origins})}
			}
			return []publisher.Publisher{sse.New(p.Feed, &sse.Options{Lifetime: lifetime})}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/live/") {
			s.asked.Store(r.Header.Get("Accept-Encoding") + " " + r.Header.Get("Sec-WebSocket-Extensions"))
		}
		l.ServeHTTP(w, r)
	}))
	s.server.EnableHTTP2 = secure
	if secure {
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
	t.Cleanup(func() {
		_ = l.Shutdown(t.Context())
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

// long is what posts have, so that they are worth compressing.
var long = strings.Repeat(" and so on, and so on", 30)

func (s *compressing) post(text string) {
	s.t.Helper()
	p := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText(text)}}
	if _, err := s.store.PutPost(s.t.Context(), channel, p, 0); err != nil {
		s.t.Fatal(err)
	}
}

// TestBrowserReadsCompressed: the page gets each post at once, in each coding, and comes back when a stream has ended: that of gzip
// ends without a trailer.
func TestBrowserReadsCompressed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		transport string
		secure    bool
		coding    string
	}{
		{"sse", false, "gzip"}, {"sse", true, "gzip"}, {"sse", true, "zstd"}, {"websocket", false, "gzip"}, {"websocket", true, "gzip"},
	} {
		t.Run(fmt.Sprintf("%s in %s, TLS %t", c.transport, c.coding, c.secure), func(t *testing.T) {
			t.Parallel()
			s := newCompressing(t, c.transport, c.secure, 700*time.Millisecond, c.coding)
			chromium := browser(t)
			p := open(t, chromium, "about:blank")
			p.run(call(security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}))
			p.goTo(s.server.URL + "/channels/match")
			p.live()
			want := []string{}
			for i := range 4 {
				text := fmt.Sprint(i, long)
				s.post(text)
				want = append([]string{text}, want...)
				p.shows(want...)
				time.Sleep(500 * time.Millisecond) // streams end meanwhile
			}
			accepts := c.coding
			if c.transport == "websocket" {
				accepts = "permessage-deflate"
			}
			if asked, _ := s.asked.Load().(string); !strings.Contains(asked, accepts) {
				t.Errorf("Chromium accepts %q, without %s", asked, accepts)
			}
		})
	}
}

// programs are clients that decompress a stream and print its lines as they come.
var programs = map[string][]string{
	"curl":       {"curl", "-sN", "--compressed"},
	"curl, zstd": {"curl", "-sN", "--compressed", "-H", "Accept-Encoding: zstd"},
	"Node.js": {"node", "-e", `fetch(process.argv[1]).then(async answer => {
		for await (const piece of answer.body) process.stdout.write(piece);
	}).catch(() => {})`},
	"Python": {"python3", "-c", `import sys, urllib.request, zlib
answer = urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={"Accept-Encoding": "gzip"}))
decoder = zlib.decompressobj(31)
while piece := answer.read1(65536):
    sys.stdout.write(decoder.decompress(piece).decode())
    sys.stdout.flush()`},
}

// TestProgramsReadCompressed: each event is there when it has come, and the end is no error.
func TestProgramsReadCompressed(t *testing.T) {
	t.Parallel()
	for name, args := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCompressing(t, "sse", false, 0, "br", "zstd", "gzip")
			cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], s.server.URL+"/live/sse/match/")...)
			out, in := io.Pipe()
			var wrong bytes.Buffer
			cmd.Stdout, cmd.Stderr = in, &wrong
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { _ = in.CloseWithError(cmd.Wait()) }()
			lines := bufio.NewReaderSize(out, 1<<20)
			says := func(want string) {
				t.Helper()
				for {
					line, err := lines.ReadString('\n')
					if err != nil {
						t.Fatalf("%v before it says %s: %s", err, want, wrong.String())
					}
					if strings.Contains(line, want) {
						return
					}
				}
			}
			says(`"reset":true`)
			for i := range 5 {
				text := fmt.Sprint("post ", i, long)
				s.post(text)
				says(text)
			}
			if asked, _ := s.asked.Load().(string); !strings.Contains(asked, "gzip") && !strings.Contains(asked, "zstd") {
				t.Errorf("it accepts %q", asked)
			}
		})
	}
}
