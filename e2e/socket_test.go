package e2e

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// TestBehindNginxOverASocket: nginx reaches the server by a Unix socket. All transports work, readers are counted by the addresses
// that nginx tells, and metrics are on the admin listener alone.
func TestBehindNginxOverASocket(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	dir := t.TempDir()
	socket, admin := filepath.Join(dir, "motacilla.sock"), realserver.FreeAddress(t)
	p := &program{t: t, run: []string{"sh", "-c", `umask 0077; exec "$0" serve`, binary}, ready: "/readyz", dir: dir, addr: admin}
	p.env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MOTACILLA_") })
	p.env = append(p.env, "MOTACILLA_SERVER_ADDR=unix:"+socket, "MOTACILLA_SERVER_ADMIN="+admin, "MOTACILLA_SERVER_TOKEN="+token,
		"MOTACILLA_STORAGE_TYPE=sqlite", "MOTACILLA_SERVER_TRUSTED_PROXIES=unix", "MOTACILLA_SERVER_LIMITS_READERS_PER_ADDRESS=2")
	p.start()
	if file, err := os.Stat(socket); err != nil || file.Mode().Perm() != 0o660 {
		t.Errorf("the socket has the mode %v, %v; want 0660, whatever the umask is", file.Mode(), err)
	}
	p.addr = behindNginx(t, "", `location / {
			proxy_pass http://unix:`+socket+`;
			proxy_set_header Host $http_host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_buffering off;
		}`)
	p.api(http.MethodPost, "channels", map[string]any{"id": channel, "title": "The match"}, nil)

	if answer := answerOf(t, "http://"+p.addr+"/metrics"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("/metrics for readers: %s", answer.Status)
	}
	if text := get(t, "http://"+admin+"/metrics"); !strings.Contains(text, "motacilla_build_info{") {
		t.Errorf("/metrics for operators: %s", text)
	}

	stream := openStream(t, "http://"+p.addr+"/live/sse/"+string(channel)+"/")
	ws, _, err := websocket.Dial(t.Context(), "ws://"+p.addr+"/live/websocket/"+string(channel)+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	// Two readers are there from this address. Others are refused, whatever address they claim to have.
	for _, claimed := range []string{"", "192.0.2.7"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.addr+"/live/sse/"+string(channel)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if claimed != "" {
			req.Header.Set("X-Forwarded-For", claimed)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("a third reader that claims the address %q: %s", claimed, resp.Status)
		}
	}
	p.post("Over a socket")
	stream.find(t, "Over a socket")
	for text := ""; !strings.Contains(text, "Over a socket"); {
		_, message, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text = string(message)
	}
	if text := get(t, "http://"+p.addr+"/live/interval-polling/"+string(channel)+"/?since=0"); !strings.Contains(text, "Over a socket") {
		t.Errorf("interval polling: %s", text)
	}
	stream.leave()
	_ = ws.CloseNow()
	p.stop()
	if left, _ := filepath.Glob(filepath.Join(dir, "*.sock")); len(left) > 0 {
		t.Errorf("the server has left %v", left)
	}
}

// lines is an open answer.
type lines struct {
	*bufio.Reader
	leave context.CancelFunc
}

// openStream opens a stream.
func openStream(t *testing.T, url string) lines {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leave()
		_ = resp.Body.Close()
	})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	return lines{bufio.NewReader(resp.Body), leave}
}

// find reads until a line has the text.
func (l lines) find(t *testing.T, text string) {
	t.Helper()
	for line := ""; !strings.Contains(line, text); {
		var err error
		if line, err = l.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
}

func answerOf(t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}
