// Package realserver runs PostgreSQL and Redis servers for tests. Each has its own port, and a temporary folder that is
// removed with it. If a server is not installed, the test fails in CI and is skipped elsewhere. Its message names the
// command that installs the server.
package realserver

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
)

// missing ends a test that needs a server which is not installed.
func missing(t testing.TB, what, pkg string) {
	t.Helper()
	const text = "%s is not installed: run make deps as root, or apt-get install %s"
	if os.Getenv("CI") != "" {
		t.Fatalf(text, what, pkg)
	}
	t.Skipf(text, what, pkg)
}

// FreePort returns a TCP port of 127.0.0.1 that is not in use. Another process may take it before the caller does.
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
