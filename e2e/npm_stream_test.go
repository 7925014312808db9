package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestNPMEventStream sends what the server never sends and a proxy may make of it: each kind of line end, data in several
// lines, comments, and pieces of one byte. Node.js has no EventSource, so the package reads the stream itself.
func TestNPMEventStream(t *testing.T) {
	t.Parallel()
	folder := npmApp(t)
	update := func(from, to int, name, more string) string {
		return fmt.Sprintf(`{"channel":"match","from":%d,"revision":%d,"renders":{"%s":{"show":true,`+
			`"content":"<p class='post-block--text'>%s</p>","created":"2026-05-01T12:00:0%d.000000Z",`+
			`"modified":"2026-05-01T12:00:00.000000Z","pinned":false,"revision":%d}},"removals":[]%s}`, from, to, name, name, to, to, more)
	}
	two, half, _ := strings.Cut(update(1, 2, "zwei – ü", ""), `,"modified"`)
	stream := "retry: 100\nid: 1\ndata: " + update(0, 1, "one", `,"reset":true,"complete":true`) + "\n\n" +
		": a comment\r\nid: 2\r\ndata:" + two + "\r\ndata:,\"modified\"" + half + "\r\n\r\n" +
		"\r\revent: message\rdata: " + update(2, 3, "three", "") + "\r\r" + ": the end\n"
	var streams atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/transports") {
			_, _ = fmt.Fprint(w, `{"transports":[{"name":"sse","url":"/live/sse/match/"}]}`)
			return
		}
		streams.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range len(stream) {
			_, _ = w.Write([]byte{stream[i]})
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	p := node(t, folder, nil, "follow.mjs", server.URL, "match", "sse")
	for _, line := range []string{`["one"]`, `["zwei – ü","one"]`, `["three","zwei – ü","one"]`} {
		if got := receive(t, "the script prints "+line, p.lines); got != line {
			t.Fatalf("the script prints %s, want %s", got, line)
		}
	}
	p.ends()
	if n := streams.Load(); n != 1 {
		t.Errorf("the script made %d connections, want 1", n)
	}
}
