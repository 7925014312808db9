// Package realserver runs PostgreSQL, Redis, NATS, S3 and ACME servers, and hubs, for tests. Each has its own port, and a temporary
// folder that is removed with it. If a server is not installed, the test fails in CI and is skipped elsewhere. Its message names
// the command that installs the server.
package realserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

// FreePort returns a TCP port of 127.0.0.1 that is not in use.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// freePort returns a port that this process has not had, below those that Linux gives to whoever asks for any. So nobody
// takes it before its server does, or while the server is stopped. The port 10,000 above it is free too, and as safe.
func freePort() (int, error) {
	takenMu.Lock()
	defer takenMu.Unlock()
	var err error
	for range 1000 {
		port := 10_000 + rand.N(10_000)
		if taken[address(port)] {
			continue
		}
		if err = errors.Join(free(port), free(port+10_000)); err == nil {
			taken[address(port)] = true
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

func free(port int) error {
	l, err := net.Listen("tcp4", address(port))
	if err != nil {
		return err
	}
	return l.Close()
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
