package websocket

import (
	"context"
	"fmt"
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
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// quoted returns the block of code in a language that the guide has.
func quoted(t testing.TB, language string) string {
	t.Helper()
	guide, err := os.ReadFile("../../docs/websocket.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, begins := strings.Cut(string(guide), "```"+language+"\n")
	block, _, ends := strings.Cut(block, "```")
	if !begins || !ends {
		t.Fatalf("the guide quotes no %s", language)
	}
	return block
}

// nginx starts nginx in front of the site, with the configuration that the guide quotes, and returns a dialer that reaches it.
// It listens on a Unix socket, since another process might take a port that was free a moment ago.
func (s *site) nginx() *gorilla.Dialer {
	s.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx") // it is not always in PATH
	}
	if err != nil {
		s.Skip("nginx is not installed: apt-get install -y nginx")
	}
	location := strings.ReplaceAll(quoted(s, "nginx"), "127.0.0.1:8080", s.Listener.Addr().String())
	dir := s.TempDir()
	socket := filepath.Join(dir, "s")
	file := filepath.Join(dir, "nginx.conf")
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c;
	uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	server { listen unix:%[2]s; %[3]s }
}`, dir, socket, location)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-p", dir, "-c", file, "-e", "stderr")
	cmd.Stderr = s.Output()
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	s.Eventually("nginx listens", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return &gorilla.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
}

func TestBehindNginx(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		proxy := s.nginx()
		dial := func(origin string) (*gorilla.Conn, *http.Response, error) {
			return proxy.DialContext(t.Context(), "ws://live.example"+path(match, ""), http.Header{"Origin": {origin}})
		}
		if _, resp, err := dial("http://evil.example"); err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a foreign origin: %v, %v", resp, err)
		}
		conn, _, err := dial("http://live.example")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(publishertest.Patience))
		next := func() (u motacilla.Update) {
			t.Helper()
			if err := conn.ReadJSON(&u); err != nil {
				t.Fatal(err)
			}
			return u
		}
		if first := next(); !first.Reset {
			t.Errorf("got %+v first, want a reset", first)
		}
		for i := range 20 {
			p := s.post(fmt.Sprint("post ", i, strings.Repeat(" long", i*600)))
			if u := next(); u.Revision != p.Revision {
				t.Fatalf("got revision %d, want %d", u.Revision, p.Revision)
			}
		}
		end := make(chan error, 1)
		go func() {
			_, _, err := conn.ReadMessage() // it answers the close frame
			end <- err
		}()
		s.Shutdown()
		if err := <-end; !gorilla.IsCloseError(err, gorilla.CloseGoingAway) {
			t.Errorf("got %v at the end, want 1001", err)
		}
	})
}
