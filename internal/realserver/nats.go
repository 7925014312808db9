package realserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// natsVersion is the version of nats-server that the tests use.
const natsVersion = "v2.15.2"

// NATS is a nats-server with JetStream. What a stream has acknowledged is on disk.
type NATS struct {
	Addr string // host and port

	dir, monitor string
	processes
}

// NewNATS starts a server. config is more of its configuration, such as its users. The server is stopped when the test ends. The program
// comes from the Go module proxy, once for this machine's user.
func NewNATS(t testing.TB, config ...string) *NATS {
	t.Helper()
	bin, err := installed("github.com/nats-io/nats-server/v2", natsVersion)
	if err != nil {
		missing(t, fmt.Sprintf("nats-server (%v)", err), "golang")
	}
	n := &NATS{Addr: FreeAddress(t), dir: t.TempDir(), monitor: FreeAddress(t)}
	n.Configure(t, config...)
	n.program(t, "http://"+n.monitor+"/healthz", bin, "--config", n.file())
	return n
}

// URL returns the server's address for clients.
func (n *NATS) URL() string { return "nats://" + n.Addr }

// Configure writes another configuration, for the next start.
func (n *NATS) Configure(t testing.TB, config ...string) {
	t.Helper()
	text := fmt.Sprintf("listen: %q\nhttp: %q\njetstream { store_dir: %q, sync_interval: always }\n%s\n", n.Addr, n.monitor, n.dir,
		strings.Join(config, "\n"))
	if err := os.WriteFile(n.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (n *NATS) file() string { return filepath.Join(n.dir, "nats.conf") }

// Reload has the running server read its configuration again. It does so some time later.
func (n *NATS) Reload(t testing.TB) {
	t.Helper()
	if err := n.running.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
