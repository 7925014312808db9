//go:build linux

package upgrade

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/handover"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"golang.org/x/sys/unix"
)

const token = "a-token-of-the-upgrades"

// server is a server, which more than one process may be: each upgrade makes another.
type server struct {
	t      *testing.T
	dir    string
	log    string // file that all processes write to
	addr   string // host:port
	url    string
	socket string   // path of the Unix socket that the server has instead of addr; empty if it has none
	path   string   // of the program
	before []string // a command that runs the program, with its arguments
	env    []string
	flags  []string
	files  []*os.File // that the first process has from the descriptor 3 on

	pids []int // that were seen, the newest last
}

// newServer returns a server with a configuration. secure is whether it has TLS.
func newServer(t *testing.T, secure bool, yaml string, flags ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{
		t: t, dir: dir, log: filepath.Join(dir, "log"), addr: realserver.FreeAddress(t), path: binary,
	}
	s.url = "http://" + s.addr
	if secure {
		s.url = "https://" + s.addr
		cert, key, err := realserver.SelfSigned("localhost", strings.Split(s.addr, ":")[0])
		if err != nil {
			t.Fatal(err)
		}
		s.write("cert.pem", string(cert))
		s.write("key.pem", string(key))
		flags = slices.Concat(flags, []string{
			"--server.tls.cert", filepath.Join(dir, "cert.pem"), "--server.tls.key", filepath.Join(dir, "key.pem"),
		})
	}
	s.flags = append(flags, "--server.token", token)
	if !slices.Contains(flags, "--server.addr") {
		s.flags = append(s.flags, "--server.addr", s.addr)
	}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MOTACILLA_") && !strings.HasPrefix(kv, "NOTIFY_") && !strings.HasPrefix(kv, "LISTEN_") {
			s.env = append(s.env, kv)
		}
	}
	s.write("motacilla.yaml", yaml)
	t.Cleanup(s.bury)
	return s
}

func (s *server) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start starts the first process, and returns when it is ready.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	s.serves()
}

// launch starts the first process.
func (s *server) launch() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	args := slices.Concat(s.before, []string{s.path, "serve"}, s.flags)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = s.dir, s.env, log, log, s.files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: nursery}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.pids = append(s.pids, cmd.Process.Pid)
	_ = cmd.Process.Release() // wait4 is reap's
}

// serves waits until a new request is answered.
func (s *server) serves() {
	s.t.Helper()
	s.await("the server answers", func() bool {
		if len(s.living()) == 0 {
			s.t.Fatal("no process of the server is left")
		}
		return s.ready()
	})
}

// ready reports whether a new request is answered.
func (s *server) ready() bool {
	resp, err := s.client().Get(s.url + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// client opens a connection for each request.
func (s *server) client() *http.Client {
	if s.socket != "" {
		return at(s.socket)
	}
	return fresh
}

// pid is the newest process.
func (s *server) pid() int { return s.pids[len(s.pids)-1] }

// upgrade has the server upgraded. It returns when the new process serves and the old one has ended.
func (s *server) upgrade() (handover.Count, error) {
	old := s.pid()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	count, err := handover.Ask(ctx, old, func(string) {})
	if err != nil {
		return count, err
	}
	s.pids = append(s.pids, count.PID)
	for lives(old) {
		if ctx.Err() != nil {
			return count, fmt.Errorf("the old process %d has not ended", old)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return count, nil
}

// signal upgrades the server by SIGUSR2. It returns when the old process has ended.
func (s *server) signal() {
	s.t.Helper()
	old := s.pid()
	if err := unix.Kill(old, unix.SIGUSR2); err != nil {
		s.t.Fatal(err)
	}
	s.await("the new process is alone", func() bool {
		left := s.living()
		if len(left) != 1 || left[0] == old {
			return false
		}
		s.pids = append(s.pids, left[0])
		return true
	})
}

// refuses asks for an upgrade that must fail, and returns why it failed. No other process may be left.
func (s *server) refuses() string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	count, err := handover.Ask(ctx, s.pid(), func(string) {})
	if err == nil {
		s.t.Fatalf("the upgrade succeeded: %+v", count)
	}
	s.await(fmt.Sprintf("process %d is alone", s.pid()), func() bool { return slices.Equal(s.living(), []int{s.pid()}) })
	s.serves()
	return err.Error()
}

// stop ends the server in good order.
func (s *server) stop() {
	s.t.Helper()
	if err := unix.Kill(s.pid(), unix.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if status := s.status(s.pid()); status.ExitStatus() != 0 {
		s.t.Errorf("the server ended with %d, signal %v", status.ExitStatus(), status.Signal())
	}
}

// logged returns what all processes have logged.
func (s *server) logged() string {
	s.t.Helper()
	b, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Error(err)
	}
	return string(b)
}

// says waits until the log, from a place on, has the text.
func (s *server) says(from int, text string) {
	s.t.Helper()
	s.await("the log has "+text, func() bool { return strings.Contains(s.logged()[from:], text) })
}

// patience ends a test that hangs. It is long, because the machine may be busy.
const patience = 2 * time.Minute

func (s *server) await(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came true that %s", what)
		}
	}
}
