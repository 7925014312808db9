//go:build linux

package loadtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

const nginxMain = `daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	# After 5 s nginx would let all that wait for an answer ask the server. A busy machine may take longer to answer.
	# Long polling has times of its own.
	proxy_cache_lock_timeout 120s; proxy_cache_lock_age 120s;
	%[2]s
}
`

// documented returns a configuration in docs/caching.md, with the addresses and the folder of the test: each text in replace
// by the one after it.
func documented(t *testing.T, language string, replace ...string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "caching.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```"+language+"\n")
	block, _, found := strings.Cut(block, "```\n")
	for pair := range slices.Chunk(replace, 2) {
		if !found || strings.Count(block, pair[0]) != 1 {
			t.Fatalf("docs/caching.md has no configuration with %q once", pair[0])
		}
		block = strings.Replace(block, pair[0], pair[1], 1)
	}
	return block
}

// behindNginx starts nginx with that configuration in front of an address, and returns its own.
func behindNginx(t *testing.T, upstream string) string {
	t.Helper()
	addr, dir := realserver.FreeAddress(t), t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	config := documented(t, "nginx", "/var/cache/nginx/motacilla-held", filepath.Join(dir, "held"),
		"/var/cache/nginx/motacilla", filepath.Join(dir, "cache"),
		"listen 80;", "listen "+addr+";", "server 127.0.0.1:8080;", "server "+upstream+";")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxMain, dir, config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "error.log")
	inFront(t, addr, log, "nginx", "-p", dir, "-c", file, "-e", log)
	return addr
}

// behindVarnish starts Varnish with the configuration in docs/caching.md in front of an address, and returns its own.
func behindVarnish(t *testing.T, upstream string) string {
	t.Helper()
	addr, dir := realserver.FreeAddress(t), t.TempDir()
	file := filepath.Join(dir, "motacilla.vcl")
	_, port, _ := net.SplitHostPort(upstream)
	config := documented(t, "vcl", `.port = "8080";`, `.port = "`+port+`";`)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	inFront(t, addr, file, "varnishd", "-F", "-j", "none", "-n", filepath.Join(dir, "work"), "-a", addr, "-f", file, "-s", "malloc,64m",
		"-p", "thread_pools=1", "-p", "thread_pool_min=10")
	return addr
}

// inFront runs a cache until the end of the test. It returns when the cache listens. If the test fails, log is shown.
func inFront(t *testing.T, addr, log, name string, args ...string) {
	t.Helper()
	binary, err := exec.LookPath(name)
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/" + name) // it is in the path of root only
	}
	if err != nil {
		missing := fmt.Sprintf("this needs %s: scripts/deps.sh", name)
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	cmd := exec.Command(binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // Varnish ends its other process
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
		t.Logf("%s used %v of CPU", name, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if t.Failed() {
			said, _ := os.ReadFile(log)
			t.Logf("%s: %.4000s\n%.4000s", name, output, said)
		}
	})
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %s", name, output)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", name, err)
		}
	}
}
