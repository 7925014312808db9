//go:build linux

package loadtest

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"golang.org/x/sys/unix"
)

const token = "load"

// opened is how many open files the tests that run may need, since they run in parallel.
var opened atomic.Uint64

// files raises the limit of open files to what this test and the tests that run at the same time need. If it can't, the test is
// skipped; in CI it fails.
func files(t *testing.T, more uint64) {
	t.Helper()
	need := opened.Add(more)
	t.Cleanup(func() { opened.Add(-more) })
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < need {
		limit.Cur, limit.Max = max(min(need, limit.Max), limit.Cur), max(need, limit.Max)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil { // only root may raise the hard limit
			limit.Max = limit.Cur
			_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
		}
		_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
		if limit.Max >= need && limit.Cur < need {
			limit.Cur = need
			_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
		}
	}
	if limit.Cur >= need {
		return
	}
	text := fmt.Sprintf("this test needs %d open files, and may have %d: raise the limit (ulimit -n %d)", need, limit.Cur, need)
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// binary builds the program once and returns its path.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "motacilla-load")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "motacilla")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/motacilla")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build the program: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the tests wait more than they work; -parallel overrides it
	flag.Parse()
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// program is a running server.
type program struct {
	t      *testing.T
	addr   string
	config string // a file
	cmd    *exec.Cmd
	log    *bytes.Buffer // must not be read before the program has ended
	ended  chan struct{}
	err    error // of the program, once ended is closed
}

// serve starts the program on a free port, with more configuration as YAML.
func serve(t *testing.T, yaml string) *program {
	t.Helper()
	p := &program{t: t, addr: realserver.FreeAddress(t), config: filepath.Join(t.TempDir(), "motacilla.yaml")}
	config := fmt.Sprintf("server: {addr: %s, token: %s}\nlog: {level: warn}\nreceivers: [{type: webapp}]\n%s", p.addr, token, yaml)
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() && p.log.Len() > 0 {
			t.Logf("the program said:\n%.4000s", p.log)
		}
	})
	return p
}

// start starts the program. It returns when the program is ready.
func (p *program) start() {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.log, p.ended, p.err = new(bytes.Buffer), make(chan struct{}), nil
	p.cmd = exec.Command(path, "serve", "--config", p.config)
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MOTACILLA_") })
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	deadline := time.Now().Add(patience)
	for {
		resp, err := http.Get("http://" + p.addr + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-p.ended:
			p.t.Fatalf("the program ended: %v\n%s", p.err, p.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the program is not ready: %v", err)
		}
	}
}

// term sends SIGTERM. over reports whether the program has ended.
func (p *program) term() (over func() bool) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	}
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// metrics returns the metrics of the program by name with labels.
func (p *program) metrics() (map[string]float64, error) {
	resp, err := plain.Get("http://" + p.addr + "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	figures := make(map[string]float64)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			figures[name] = n
		}
	}
	return figures, errors.Join(lines.Err(), drain(resp.Body))
}

func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// plain has a deadline: a server that does not answer fails a test and does not hang it.
var plain = &http.Client{Timeout: patience}
