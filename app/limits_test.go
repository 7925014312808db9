package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// refused checks that an answer is a refusal that gives a reason, and a time to try again.
func refused(t *testing.T, resp *http.Response, body string, status int, least, most int) {
	t.Helper()
	var p route.Problem
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != status || err != nil || seconds < least || seconds > most {
		t.Errorf("%s, Retry-After %q; want %d, and %d to %d",
			resp.Status, resp.Header.Get("Retry-After"), status, least, most)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(body), &p) != nil ||
		p.Status != status || p.Detail == "" {
		t.Errorf("%s: %s", resp.Header.Get("Content-Type"), body)
	}
}

// follow opens a stream of server-sent events and returns after its first event.
func (r *running) follow(t *testing.T, channel string, headers ...string) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/live/sse/"+channel+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("a reader is refused: %s", resp.Status)
	}
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "data: ") {
			break
		}
	}
	return func() {
		cancel()
		_ = resp.Body.Close()
	}
}

func TestReadersAreLimited(t *testing.T) {
	for _, tt := range []struct {
		name, yaml, there, reason string
		headers                   []string
		status                    int
	}{
		{"node", `server: {limits: {readers: 1}}`, "open", "node", nil, 503},
		{"channel", `server: {limits: {readers_per_channel: 1}}`, "open", "channel", nil, 503},
		{"address", `server: {limits: {readers_per_address: 1}}`, "open", "address", nil, 429},
		{"spoofed address", `server: {limits: {readers_per_address: 1}}`, "open", "address",
			[]string{"X-Forwarded-For", "192.0.2.77", "Forwarded", "for=192.0.2.77"}, 429},
		{"address behind a proxy", `server: {trusted_proxies: [127.0.0.1], limits: {readers_per_address: 1}}`, "open",
			"address", []string{"X-Forwarded-For", "203.0.113.9, 192.0.2.1"}, 429},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, tt.yaml, sse.Module, websocket.Module)
			first := []string{}
			if strings.Contains(tt.yaml, "trusted_proxies") {
				first = []string{"X-Forwarded-For", "192.0.2.1"}
			}
			leave := r.follow(t, tt.there, first...)
			head, err := r.store.Channel(t.Context(), "open")
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{
				"/live/sse/open/", "/live/long-polling/open/?since=" + head.Head.String(),
				"/live/long-polling/open/?last_update_ts=" + head.Head.Timestamp(),
			} {
				resp, body := r.do(t, http.MethodGet, path, tt.headers...)
				refused(t, resp, body, tt.status, 5, 25)
			}
			h := http.Header{}
			for i := 0; i < len(tt.headers); i += 2 {
				h.Set(tt.headers[i], tt.headers[i+1])
			}
			_, resp, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws"+r.base[4:]+"/live/websocket/open/", h)
			if err == nil || resp == nil || resp.StatusCode != tt.status || resp.Header.Get("Retry-After") == "" {
				t.Errorf("WebSocket: %+v, %v", resp, err)
			}
			if tt.name == "address behind a proxy" {
				r.follow(t, "open", "X-Forwarded-For", "192.0.2.2")()
			}
			if tt.name == "channel" {
				if _, err := r.store.Channel(t.Context(), "closed"); err != nil {
					t.Fatal(err)
				}
				r.follow(t, "closed", "Authorization", "Bearer s3cret")()
			}
			// Pages, and polls that are answered at once, do not count as readers.
			for _, path := range []string{"/channels/open", "/live/interval-polling/open/?since=0"} {
				if resp, _ := r.do(t, http.MethodGet, path, tt.headers...); resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, resp.Status)
				}
			}
			_, metrics := r.do(t, http.MethodGet, "/metrics")
			if want := `motacilla_readers_refused_total{reason="` + tt.reason + `"} 4`; !strings.Contains(metrics, want) {
				t.Errorf("/metrics lacks %s", want)
			}
			leave()
			deadline := time.Now().Add(patience)
			for { // the server notices soon
				resp, _ := r.do(t, http.MethodGet, "/live/long-polling/open/?since=0", tt.headers...)
				if resp.StatusCode == http.StatusOK {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the place of a reader who left is not free: %s", resp.Status)
				}
			}
		})
	}
}

// TestGuideToLimits: the YAML of docs/limits.md is a valid configuration.
func TestGuideToLimits(t *testing.T) {
	guide, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(guide)
	if shown == nil {
		t.Fatal("the guide shows no configuration")
	}
	schema, err := app.SchemaOf(memory.Module)
	if err != nil {
		t.Fatal(err)
	}
	c, err := schema.Load(app.Input{YAML: shown[1], Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if want := (app.LimitSettings{
		Readers: 50000, ReadersPerChannel: 40000, ReadersPerAddress: 500, RequestsPerAddress: 50, Overflow: "polling",
	}); c.Server.Limits != want {
		t.Errorf("the guide sets %+v", c.Server.Limits)
	}
	for _, key := range schema.Keys() {
		name, ok := strings.CutPrefix(key.Name, "server.limits.")
		if ok && !strings.Contains(string(guide), "| `"+name+"` |") {
			t.Errorf("the guide does not explain %s", key.Name)
		}
	}
}

func TestRequestsAreLimited(t *testing.T) {
	const burst = 20
	paths := []string{
		"/", "/channels/open", "/live/interval-polling/open/?since=0", "/live/long-polling/open/?since=0", "/nowhere",
		"/assets/none",
	}
	for _, tt := range []struct {
		name, yaml string
		spend, ask []string // headers
		refused    bool
	}{
		{"one address", "", nil, nil, true},
		{"spoofed", "", nil, []string{"X-Forwarded-For", "192.0.2.77"}, true},
		{"behind a proxy", "trusted_proxies: [127.0.0.1], ", []string{"X-Forwarded-For", "192.0.2.1"},
			[]string{"X-Forwarded-For", "203.0.113.9, 192.0.2.1"}, true},
		{"another behind the proxy", "trusted_proxies: [127.0.0.1], ", []string{"X-Forwarded-For", "192.0.2.1"},
			[]string{"X-Forwarded-For", "192.0.2.2"}, false},
		{"another behind the proxy, by Forwarded", "trusted_proxies: [127.0.0.1], ",
			[]string{"Forwarded", "for=192.0.2.1"}, []string{"Forwarded", `for="[2001:db8::1]"`}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, `server: {`+tt.yaml+`origins: ["https://www.example.org"], limits: {requests_per_address: 1}}`)
			n := 0
			for began := time.Now(); ; n++ {
				if resp, _ := r.do(t, http.MethodGet, paths[n%len(paths)], tt.spend...); resp.StatusCode == 429 {
					if most := burst + 1 + int(time.Since(began)/time.Second); n < burst || n > most {
						t.Errorf("%d requests were let through, want %d to %d", n, burst, most)
					}
					break
				}
			}
			headers := append([]string{"Origin", "https://www.example.org"}, tt.ask...)
			ask := func(method, path string) (resp *http.Response, body string) {
				for { // a request may be let through each second
					if resp, body = r.do(t, method, path, headers...); resp.StatusCode == 429 || !tt.refused {
						return resp, body
					}
				}
			}
			resp, body := ask(http.MethodGet, "/live/interval-polling/open/?since=0")
			if !tt.refused {
				if resp.StatusCode != http.StatusOK {
					t.Errorf("another address is refused: %s", resp.Status)
				}
				return
			}
			refused(t, resp, body, 429, 1, 5)
			if resp.Header.Get("Access-Control-Allow-Origin") != "https://www.example.org" ||
				!strings.Contains(resp.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
				t.Errorf("a script from elsewhere can't read the refusal: %v", resp.Header)
			}
			headers = append(headers, "Access-Control-Request-Method", "POST")
			resp, body = ask(http.MethodOptions, "/live/interval-polling/open/")
			refused(t, resp, body, 429, 1, 5)
			if resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("a preflight is answered by the limit: %v", resp.Header)
			}
			for range 2 * burst {
				for _, path := range []string{"/healthz", "/readyz", "/metrics", "/healthz/"} {
					if resp, _ := r.do(t, http.MethodGet, path, tt.ask...); resp.StatusCode != http.StatusOK {
						t.Fatalf("%s: %s", path, resp.Status)
					}
				}
			}
			_, metrics := r.do(t, http.MethodGet, "/metrics")
			for _, want := range []string{
				`motacilla_requests_refused_total{reason="address"} 3`, `motacilla_requests_refused_total{reason="crowd"} 0`,
				`motacilla_http_requests_total{route="other",status="429"} 3`, // the first, and the two asked for
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("/metrics lacks %s", want)
				}
			}
		})
	}
}

// TestRepeatedPollsAreLimited: the second long poll of a connection is answered without the server's handlers. It counts
// against the limit too.
func TestRepeatedPollsAreLimited(t *testing.T) {
	r := start(t, `server: {limits: {requests_per_address: 1}}`)
	head, err := r.store.Channel(t.Context(), "open")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	request := fmt.Sprintf("GET /live/long-polling/open/?since=%d HTTP/1.1\r\nHost: x\r\n\r\n", head.Head)
	send := func() {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
	}
	send()
	for held := `motacilla_readers{publisher="long-polling"} 1`; ; {
		if _, metrics := r.do(t, http.MethodGet, "/metrics"); strings.Contains(metrics, held) {
			break
		}
	}
	if _, err := storage.EditChannel(t.Context(), r.store, "open", func(c *motacilla.Channel) error {
		c.Title = "It moves"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for n := 0; ; n++ {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusTooManyRequests {
			refused(t, resp, string(body), 429, 1, 5)
			if most := 21 + int(time.Since(began)/time.Second); n < 19 || n > most { // reading metrics has no limit
				t.Errorf("%d requests were let through, want 19 to %d", n, most)
			}
			return
		}
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("answer %d: %s %s", n, resp.Status, body)
		}
		send()
	}
}
