//go:build linux

package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

const nginxMain = `daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	%[2]s
}
`

// documented is the configuration in docs/caching.md, with addresses and a folder of the test's own.
func documented(t *testing.T, dir, listen, upstream string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "caching.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```nginx\n")
	block, _, found := strings.Cut(block, "```\n")
	for old, own := range map[string]string{
		"/var/cache/nginx/motacilla": filepath.Join(dir, "cache"), "listen 80;": "listen " + listen + ";",
		"server 127.0.0.1:8080;": "server " + upstream + ";",
	} {
		if !found || strings.Count(block, old) != 1 {
			t.Fatalf("docs/caching.md has no configuration with %q once", old)
		}
		block = strings.Replace(block, old, own, 1)
	}
	return block
}

// behindNginx starts nginx in front of the program, as docs/caching.md has it, and returns its address.
func behindNginx(t *testing.T, p *program) string {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx") // which is in root's path alone
	}
	if err != nil {
		const missing = "this needs nginx: apt-get install -y nginx"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, dir := ln.Addr().String(), t.TempDir()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "nginx.conf")
	config := fmt.Appendf(nil, nginxMain, dir, documented(t, dir, addr, p.addr))
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("nginx: %s%.4000s", log, said)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v\n%s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// polled counts what the program was asked by pollers.
func polled(t *testing.T, p *program) (n float64) {
	t.Helper()
	figures, err := p.metrics()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range figures {
		if strings.HasPrefix(name, "motacilla_http_requests_total{") && strings.Contains(name, "/live/interval-polling/") {
			n += value
		}
	}
	return n
}

// posted is when posts were written, oldest first.
type posted struct {
	mu     sync.Mutex
	stored []time.Time
	heads  []motacilla.Revision
}

// poller asks every second on a connection of its own, and keeps how late it sees each post.
type poller struct {
	conn  net.Conn
	in    *bufio.Reader
	path  string
	since motacilla.Revision
	sent  []time.Time // of the polls that have not seen a post that is there, and the newest
	seen  int         // of the posts
	late  []time.Duration
	polls int // that it took at most to see a post
}

func (r *poller) poll(posts *posted) error {
	r.sent = append(r.sent, time.Now())
	_ = r.conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err := fmt.Fprintf(r.conn, "GET %s?since=%d HTTP/1.1\r\nHost: live.example.org\r\n\r\n", r.path, r.since)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(r.in, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	if bytes.Contains(body, fmt.Appendf(nil, `"from":%d,"revision":%[1]d,`, r.since)) {
		return nil
	}
	var u motacilla.Update
	if err := u.UnmarshalJSON(body); err != nil {
		return err
	}
	if u.From != r.since || u.Revision < r.since || u.Reset {
		return fmt.Errorf("at %d comes %s", r.since, body)
	}
	r.since = u.Revision
	r.see(posts)
	return nil
}

// see keeps how late the posts are that it has now.
func (r *poller) see(posts *posted) {
	now := time.Now()
	posts.mu.Lock()
	defer posts.mu.Unlock()
	for r.seen < len(posts.heads) && posts.heads[r.seen] <= r.since {
		stored, polls := posts.stored[r.seen], 0
		for _, sent := range r.sent {
			if sent.After(stored) {
				polls++
			}
		}
		r.late, r.polls, r.seen = append(r.late, now.Sub(stored)), max(r.polls, polls), r.seen+1
	}
	r.sent = r.sent[:0]
}

// TestBehindCache holds what docs/caching.md says: 2,000 readers who poll each second and a post each second are at most
// three requests a second for the server, and each reader sees each post within three seconds.
func TestBehindCache(t *testing.T) {
	const readers, interval, lasts = 2000, time.Second, 10 * time.Second
	files(t, 3*readers)
	p := serve(t, "storage: {type: memory}\npublishers: [{type: interval-polling, interval: 1s}, {type: long-polling}]\n")
	w := newWriter(t, p, 300, 50)
	front := behindNginx(t, p)
	_, head := w.truth(t)

	posts := new(posted)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	var requests atomic.Int64
	crowd := make([]*poller, readers)
	for i := range crowd {
		conn, err := net.Dial("tcp4", front)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		crowd[i] = &poller{conn: conn, in: bufio.NewReaderSize(conn, 1024), path: "/live/interval-polling/" + channelID + "/", since: head}
	}
	for i, r := range crowd {
		working.Go(func() {
			wait := time.NewTimer(interval * time.Duration(i) / readers)
			defer wait.Stop()
			for {
				select {
				case <-wait.C:
				case <-ctx.Done():
					return
				}
				if err := r.poll(posts); err != nil {
					t.Errorf("reader %d: %v", i, err)
					return
				}
				requests.Add(1)
				wait.Reset(interval)
			}
		})
	}

	// A cold start is one request for all.
	time.Sleep(2 * interval)
	if n := polled(t, p); n > 6 {
		t.Errorf("%v requests in the first two seconds", n)
	}
	var worst float64
	tick := time.NewTicker(interval)
	defer tick.Stop()
	began, before, total := time.Now(), polled(t, p), requests.Load()
	last := before
	for n := 0; time.Since(began) < lasts; n++ {
		status, answer, err := w.call(t.Context(), http.MethodPost, "/"+channelID+"/posts", map[string]any{"text": fmt.Sprintf("Post %d", n)})
		if err != nil || status != http.StatusCreated {
			t.Fatalf("post: %d %s %v", status, answer, err)
		}
		at := time.Now()
		_, head := w.truth(t)
		posts.mu.Lock()
		posts.stored, posts.heads = append(posts.stored, at), append(posts.heads, head)
		posts.mu.Unlock()
		<-tick.C
		now := polled(t, p)
		worst, last = max(worst, now-last), now
	}
	took := time.Since(began)
	rate, asked := (last-before)/took.Seconds(), float64(requests.Load()-total)/took.Seconds()
	time.Sleep(3 * time.Second) // for the last post
	cancel()
	working.Wait()

	var late []time.Duration
	polls := 0
	for i, r := range crowd {
		r.see(posts)
		if r.seen != len(posts.heads) {
			t.Errorf("reader %d saw %d of %d posts", i, r.seen, len(posts.heads))
		}
		late, polls = append(late, r.late...), max(polls, r.polls)
	}
	slices.Sort(late)
	median, slowest := late[len(late)/2].Round(time.Millisecond), late[len(late)-1].Round(time.Millisecond)
	t.Logf("%.0f requests a second of readers are %.1f of the server (%.0f in the worst second); a post is seen after %v (median), %v (the last), %d polls",
		asked, rate, worst, median, slowest, polls)
	if rate > 3 {
		t.Errorf("%.1f requests a second reach the server", rate)
	}
	if polls > 3 {
		t.Errorf("a post is seen by poll %d", polls)
	}
	// Where others use the processors too the readers themselves are late, and their polls say what matters.
	if busy := asked < 0.97*readers; slowest > 3*time.Second && !busy {
		t.Errorf("a post is seen after %v", slowest)
	}
	passesBy(t, w, front)
}

// passesBy checks what must not be kept.
func passesBy(t *testing.T, w *writer, front string) {
	t.Helper()
	get := func(method, path string, headers ...string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+front+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = drain(resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	path := "/live/interval-polling/" + channelID + "/"
	if resp := get(http.MethodHead, path); resp.StatusCode != http.StatusOK || resp.Header.Get("Last-Update-At") == "" {
		t.Errorf("HEAD: %s %v", resp.Status, resp.Header)
	}
	if resp := get(http.MethodPost, path); resp.StatusCode != http.StatusOK {
		t.Errorf("the handshake: %s", resp.Status)
	}
	status, answer, err := w.call(t.Context(), http.MethodPost, "", map[string]any{"id": "secret", "access": "private"})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("make a private channel: %d %s %v", status, answer, err)
	}
	secret := "/live/interval-polling/secret/?since=0"
	for range 3 {
		if resp := get(http.MethodGet, secret, "Authorization", "Bearer "+token); resp.StatusCode != http.StatusOK {
			t.Errorf("a private channel, with the token: %s", resp.Status)
		}
		if resp := get(http.MethodGet, secret); resp.StatusCode != http.StatusForbidden {
			t.Errorf("a private channel, without it: %s", resp.Status)
		}
	}
}
