package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// durableCases are the protocol's own tests that a server for reading can pass. The others are about writing, about streams of other
// types than JSON, or compare what is read with the bytes that were written: here a post is written, and an update is read.
var durableCases = []string{
	"Browser Security Headers should include X-Content-Type-Options: nosniff on GET responses",
	"Browser Security Headers should include X-Content-Type-Options: nosniff on HEAD responses",
	"Browser Security Headers should include Cross-Origin-Resource-Policy header on GET responses",
	"Browser Security Headers should include Cache-Control: no-store on HEAD responses",
	"Browser Security Headers should include X-Content-Type-Options: nosniff on SSE responses",
	"Browser Security Headers should include X-Content-Type-Options: nosniff on long-poll responses",
	"Browser Security Headers should include security headers on error responses",
	"HEAD Metadata should return 404 for non-existent stream",
	"HEAD Metadata should return tail offset",
	"Offset Validation and Resumability should return correct tail offset for offset=now",
	"Offset Validation and Resumability should return empty JSON array for offset=now on JSON streams",
	"Offset Validation and Resumability should support offset=now with long-poll mode (waits for data)",
	"Offset Validation and Resumability should receive data with offset=now long-poll when appended",
	"Offset Validation and Resumability should support offset=now with SSE mode",
	"Offset Validation and Resumability should return 404 for offset=now on non-existent stream",
	"Offset Validation and Resumability should return 404 for offset=now with long-poll on non-existent stream",
	"Offset Validation and Resumability should return 404 for offset=now with SSE on non-existent stream",
	"Offset Validation and Resumability should support offset=now with SSE on empty stream",
	"Offset Validation and Resumability should reject malformed offset (contains comma)",
	"Offset Validation and Resumability should reject offset with spaces",
	"Protocol Edge Cases should generate unique, monotonically increasing offsets",
	"Protocol Edge Cases should reject empty offset parameter",
	"Protocol Edge Cases should reject multiple offset parameters",
	"Long-Poll Edge Cases should require offset parameter for long-poll",
	"Long-Poll Edge Cases should generate Stream-Cursor header on long-poll responses",
	"Long-Poll Edge Cases should echo cursor and handle collision with jitter",
	"Long-Poll Edge Cases should return Stream-Cursor, Stream-Up-To-Date and Stream-Next-Offset on 204 timeout",
	"Caching and ETag should generate ETag on GET responses",
	"Caching and ETag should return 304 Not Modified for matching If-None-Match",
	"Caching and ETag should allow If-None-Match in CORS preflight responses",
	"Caching and ETag should return new ETag after data changes",
	"SSE Mode should return text/event-stream content-type for SSE requests",
	"SSE Mode should accept live=sse query parameter for application/json",
	"SSE Mode should require offset parameter for SSE mode",
	"SSE Mode should stream data events via SSE",
	"SSE Mode should send control events with offset",
	"SSE Mode should generate streamCursor in SSE control events",
	"SSE Mode should handle cursor collision with jitter in SSE mode",
	"SSE Mode should handle SSE for empty stream with correct offset",
	"SSE Mode should send upToDate flag in SSE control events when caught up",
	"SSE Mode should have correct SSE headers (no Content-Length, proper Cache-Control)",
	"SSE Mode should prevent CRLF injection - LF-only attack vectors",
	"SSE Mode should prevent CRLF injection - carriage return only attack vectors",
	"SSE Mode should generate unique, monotonically increasing offsets in SSE mode",
	"SSE Mode should support reconnection with last known offset",
	"SSE Mode should NOT include Stream-SSE-Data-Encoding header for application/json streams",
	"Property-Based Tests (fast-check) Offset Validation Properties should reject offsets with invalid characters",
}

// TestDurableStreamsSuite runs durableCases.
func TestDurableStreamsSuite(t *testing.T) {
	t.Parallel()
	folder := durableFolder(t)
	p := serve(t, "durable-streams", "MOTACILLA_PUBLISHERS_DURABLE_STREAMS_PATH=/v1/stream/{channel_id}/",
		"MOTACILLA_PUBLISHERS_DURABLE_STREAMS_HOLD=2s", "MOTACILLA_SERVER_ORIGINS=https://example.com")
	site, err := url.Parse(p.site())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(site) }, FlushInterval: -1}
	proxy.ErrorLog = log.New(io.Discard, "", 0) // the suite leaves streams
	server := httptest.NewServer(&durableWriter{p, proxy})
	t.Cleanup(server.Close)
	var patterns []string
	for _, name := range durableCases {
		patterns = append(patterns, regexp.QuoteMeta(name))
	}
	report := filepath.Join(t.TempDir(), "report.json")
	// The suite gives up a stream of events after 2 s, which a slow machine may need.
	cmd := exec.Command("npx", "vitest", "run", "--config=vitest.config.js", "--retry=4", "--testTimeout=60000",
		"--testNamePattern=^("+strings.Join(patterns, "|")+")$", "--reporter=json", "--outputFile="+report)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "CONFORMANCE_TEST_URL="+server.URL)
	out, runErr := cmd.CombinedOutput()
	var results struct {
		TestResults []struct {
			AssertionResults []struct {
				FullName, Status string
				FailureMessages  []string
			}
		}
	}
	text, err := os.ReadFile(report)
	if err == nil {
		err = json.Unmarshal(text, &results)
	}
	if err != nil {
		t.Fatalf("%v, %v\n%s", runErr, err, out)
	}
	var passed []string
	for _, file := range results.TestResults {
		for _, result := range file.AssertionResults {
			switch result.Status {
			case "passed":
				passed = append(passed, result.FullName)
			case "failed":
				t.Errorf("%s: %s", result.FullName, strings.Join(result.FailureMessages, "\n"))
			}
		}
	}
	for _, name := range durableCases {
		if !t.Failed() && !slices.Contains(passed, name) {
			t.Errorf("the suite has no test %q", name)
		}
	}
}

// durableWriter stands before a program whose channels are durable streams, for the protocol's own tests alone: they make streams
// by requests that the program refuses. PUT makes a channel, POST a post, and DELETE removes a channel. What reads goes to the
// program as it is.
type durableWriter struct {
	p    *program
	read http.Handler
}

func (d *durableWriter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		d.read.ServeHTTP(w, r)
		return
	}
	id := strings.TrimPrefix(r.URL.Path, "/v1/stream/")
	text, err := io.ReadAll(r.Body)
	status := http.StatusNoContent
	switch {
	case err != nil:
	case r.Method == http.MethodPut:
		status = http.StatusCreated
		err = d.write(http.MethodPost, "", map[string]any{"id": id, "title": id})
		if err == nil && len(text) > 0 {
			err = d.post(id, text)
		}
	case r.Method == http.MethodPost:
		err = d.post(id, text)
	default:
		err = d.write(r.Method, "/"+id, nil)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	if answer, err := http.Head(d.p.site() + r.URL.Path); err == nil {
		w.Header().Set("Stream-Next-Offset", answer.Header.Get("Stream-Next-Offset"))
		_ = answer.Body.Close()
	}
	w.WriteHeader(status)
}

func (d *durableWriter) post(id string, text []byte) error {
	return d.write(http.MethodPost, "/"+id+"/posts", map[string]any{"content": []any{
		map[string]any{"type": "text", "value": map[string]any{"text": string(text)}},
	}})
}

// write is program.api, which must not end the test in another goroutine.
func (d *durableWriter) write(method, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, d.p.site()+"/api/channels"+path, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	}
	return errors.Join(err, answer.Body.Close())
}
