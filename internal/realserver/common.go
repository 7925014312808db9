// Package realserver runs real servers for tests: each from its own binaries, on a port of its own, in a temporary
// folder that goes with it. It is for tests alone. Where a server's binaries are missing the test fails in CI, and is
// skipped elsewhere, with the command that installs them.
package realserver

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
)

// missing ends a test for which a server is not installed.
func missing(t testing.TB, what, pkg string) {
	t.Helper()
	const text = "%s is not installed: run make deps as root, or apt-get install %s"
	if os.Getenv("CI") != "" {
		t.Fatalf(text, what, pkg)
	}
	t.Skipf(text, what, pkg)
}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on. Another may take it before its user does.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
