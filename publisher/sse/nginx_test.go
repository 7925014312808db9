package sse

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/websocket"
)

// proxies are locations in nginx's configuration. %s is the upstream.
var proxies = map[string]string{
	"defaults": `location / { proxy_pass http://%s; }`,
	"gzip": `gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;
		location / { proxy_pass http://%s; }`,
	"keepalive": `location / { proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; }`,
}

const nginxConfig = `daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	upstream kept { server %[3]s; keepalive 1; }
	server {
		listen unix:%[2]s;
		location /live/websocket/ {
			proxy_pass http://%[3]s; proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $host;
		}
		%[4]s
	}
}
`

// behindNginx puts nginx in front of the site. It listens on a Unix socket, since another process might take a port that was
// free a moment ago.
func (s *site) behindNginx(proxy string) {
	s.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx") // it is in root's path only
	}
	if err != nil {
		const missing = "this needs nginx: apt-get install -y nginx"
		if os.Getenv("CI") == "true" {
			s.Fatal(missing)
		}
		s.Skip(missing)
	}
	upstream := s.Listener.Addr().String()
	dir := s.TempDir()
	socket := filepath.Join(dir, "s")
	if strings.Contains(proxy, "%s") {
		proxy = fmt.Sprintf(proxy, upstream)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConfig, dir, socket, upstream, proxy), 0o600); err != nil {
		s.Fatal(err)
	}
	log := new(strings.Builder)
	cmd := exec.CommandContext(context.Background(), binary, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		s.HTTP.CloseIdleConnections()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.Failed() {
			errors, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			s.Logf("nginx: %s%s", log, errors)
		}
	})
	s.dialNginx = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	s.Eventually("nginx listens", func() bool {
		conn, err := s.dialNginx(s.Context(), "", "")
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	s.URL = "http://live.example"
	s.HTTP.CloseIdleConnections()
	s.HTTP = &http.Client{Transport: &http.Transport{DialContext: s.dialNginx, DisableCompression: true}}
}

// Behind nginx, updates come at once, readers can resume, and readers that leave are noticed.
func TestBehindNginx(t *testing.T) {
	for name, proxy := range proxies {
		t.Run(name, func(t *testing.T) {
			for _, coding := range []string{"", "gzip", "zstd"} {
				s := open(t, settings{
					// Without heartbeats nothing would come if nginx kept an event back until its buffer is full.
					connection: connection{goroutines: coding == "zstd", coding: coding}, feed: publisher.FeedOptions{Heartbeat: time.Hour},
					extra: func(feed *publisher.Feed) []publisher.Publisher {
						return []publisher.Publisher{websocket.New(feed, nil), polling.NewLong(feed, &polling.LongOptions{})}
					},
				})
				s.behindNginx(proxy)
				st := s.begin("", "Origin", "https://www.example.org")
				if got := st.resp.Header.Get("Access-Control-Allow-Origin"); got != "https://www.example.org" {
					t.Errorf("Access-Control-Allow-Origin is %q", got)
				}
				at := s.update(st).Revision
				for i := range 5 {
					p := s.post(fmt.Sprint(i))
					if u := s.update(st); u.Revision != p.Revision {
						t.Fatalf("%+v, want %d", u, p.Revision)
					}
				}
				_ = st.body.Close()
				s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })

				st = s.begin("", "Last-Event-ID", fmt.Sprint(int64(at)))
				if u := s.update(st); u.Reset || texts(u) != "0 1 2 3 4" {
					t.Errorf("resumed at %d and got %+v", at, u)
				}
				s.webSocketBehind()
				s.pollBehind()
				s.Shutdown()
				s.ends(st)
				if len(st.Retry) != 2 {
					t.Errorf("got retry %v, want a second one in the close message", st.Retry)
				}
			}
		})
	}
}

// Heartbeats come through nginx: one after the other, although they are much shorter than its buffer.
func TestHeartbeatsBehindNginx(t *testing.T) {
	for name, proxy := range proxies {
		t.Run(name, func(t *testing.T) {
			s := open(t, settings{feed: publisher.FeedOptions{Heartbeat: 100 * time.Millisecond}})
			s.behindNginx(proxy)
			st := s.begin("")
			s.update(st)
			for range 3 {
				if u := s.update(st); !u.Heartbeat() {
					t.Errorf("got %+v, want a heartbeat", u)
				}
			}
		})
	}
}

func (s *site) webSocketBehind() {
	s.Helper()
	dialer := gorilla.Dialer{NetDialContext: s.dialNginx}
	conn, _, err := dialer.DialContext(s.Context(), "ws://live.example/live/websocket/"+string(match)+"/", nil)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(publishertest.Patience))
	for at := motacilla.Revision(0); at == 0 || at < s.head(); {
		_, data, err := conn.ReadMessage()
		if err != nil {
			s.Fatal(err)
		}
		var u motacilla.Update
		if err := u.UnmarshalJSON(data); err != nil {
			s.Fatal(err)
		}
		if at == 0 {
			s.post("over a WebSocket")
		}
		at = u.Revision
	}
}

// pollBehind sends a long poll, which is held until there is a post.
func (s *site) pollBehind() {
	s.Helper()
	head := s.head()
	done := make(chan *motacilla.Update)
	go func() {
		defer close(done)
		resp := s.Do(http.MethodGet, fmt.Sprintf("/live/long-polling/%s/?since=%d", match, head))
		done <- answered(s, resp)
	}()
	s.Eventually("the request is held", func() bool { return s.Feed.Metrics().Of("long-polling").Readers.Load() == 1 })
	p := s.post("polled")
	if u := <-done; u == nil || u.Revision != p.Revision || texts(u) != "polled" {
		s.Errorf("the poll got %+v", u)
	}
}

func answered(t testing.TB, resp *http.Response) *motacilla.Update {
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	u := new(motacilla.Update)
	if err == nil {
		err = u.UnmarshalJSON(body)
	}
	if err != nil {
		t.Errorf("the answer is %q: %v", body, err)
	}
	return u
}
