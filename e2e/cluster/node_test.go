package cluster

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const token = "a-token-of-the-cluster"

// config is the configuration of every node. Polls and heartbeats are frequent, so that tests need not wait.
const config = `
log: {format: json}
feed: {heartbeat: 2s}
publishers:
  - {type: sse}
  - {type: websocket}
  - {type: long-polling, hold: 2s}
  - {type: interval-polling, interval: 200ms}
`

// node is a process of the program.
type node struct {
	addr  string // where it serves
	url   string // of it
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
	asked atomic.Bool // whether the test has ended it
}

// output is what a node prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var listening = regexp.MustCompile(`"msg":"listening".*"addr":"(127[^"]+)"`)

// startNode starts the program with flags on a free port. It returns when the node is ready.
func startNode(t *testing.T, flags ...string) *node {
	t.Helper()
	return startProgram(t, program{binary, []string{"serve"}, config, func(n *node) bool {
		return n.cmd.ProcessState.ExitCode() == storeAway
	}}, flags...)
}

// program is a binary and what it is started with.
type program struct {
	path   string
	args   []string // before the flags
	config string
	away   func(*node) bool // whether a node that has ended could not reach its store
}

// startProgram is startNode for other programs. A program whose store does not answer in time ends. On a busy machine that
// happens, and it is started again, as by a supervisor.
func startProgram(t *testing.T, p program, flags ...string) *node {
	t.Helper()
	for late := time.Now().Add(hang); ; {
		n, err := tryNode(t, p, flags...)
		if err == nil {
			return n
		}
		if n.cmd.ProcessState == nil || !p.away(n) || time.Now().After(late) {
			t.Fatalf("%v:\n%s", err, n.out)
		}
	}
}

// storeAway is the status of cmd/motacilla if it could not reach its store.
const storeAway = 5

// tryNode starts a node once.
func tryNode(t *testing.T, p program, flags ...string) (*node, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/motacilla.yaml", []byte(p.config), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &node{out: &output{}, ended: make(chan struct{})}
	args := slices.Concat(p.args, []string{"--server.addr", "127.0.0.1:0", "--server.token", token}, flags)
	n.cmd = exec.Command(p.path, args...)
	n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = dir, n.out, n.out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MOTACILLA_") {
			n.cmd.Env = append(n.cmd.Env, kv)
		}
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = n.cmd.Wait()
		close(n.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-n.ended:
			if !n.asked.Load() && n.addr != "" {
				t.Errorf("the node at %s ended by itself: %v", n.addr, n.cmd.ProcessState)
			}
		default:
		}
		n.kill()
		text := n.out.String()
		if strings.Contains(text, "DATA RACE") || strings.Contains(text, `"level":"error"`) && strings.Contains(text, "panicked") {
			t.Error("a node has a data race, or a handler that panicked")
		}
		if t.Failed() {
			t.Logf("the node at %s said, at the end:\n%s", n.addr, text[max(0, len(text)-6000):])
		}
	})
	late := time.After(hang)
	for {
		if m := listening.FindStringSubmatch(n.out.String()); m != nil {
			if url := wireOf(flags).url(m[1]); ready(url) {
				n.addr, n.url = m[1], url
				return n, nil
			}
		}
		select {
		case <-n.ended:
			return n, errors.New("the node ended at once")
		case <-late:
			return n, errors.New("the node is not ready")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ready reports whether the node at url says that it is ready.
func ready(url string) bool {
	resp, err := fresh.Get(url + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill ends the node with SIGKILL, like a power cut.
func (n *node) kill() {
	n.asked.Store(true)
	_ = n.cmd.Process.Kill()
	<-n.ended
}

// stop ends the node with SIGTERM.
func (n *node) stop() error {
	n.asked.Store(true)
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.ended:
	case <-time.After(hang):
		n.kill()
		return errors.New("it did not end after SIGTERM")
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		return errors.New(n.cmd.ProcessState.String())
	}
	return nil
}

// hang is how long the tests wait for what should have happened. It only ends a test that hangs: the machine may be busy.
const hang = 2 * time.Minute

// deadline is how long an answer of a node may take, whatever its store does: a call of the store takes at most 10 s, and a
// busy machine adds to that.
const deadline = 15 * time.Second

// Clients of nodes, which TestMain makes.
var (
	fresh  *http.Client // opens a connection for each request, so that the balancer passes each to another node
	keeper *http.Client // keeps connections
)
