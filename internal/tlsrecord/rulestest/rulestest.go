// Package rulestest keeps and breaks the rules of TLS's record layer (RFC 8446) with a client that owes nothing to Go. It needs Python
// and its package cryptography, whose ciphers are OpenSSL's.
package rulestest

import (
	"embed"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata
var client embed.FS

// Run runs the cases of testdata/records.py against a WebSocket, without those that are to be left out. It returns what RFC 8446 wants
// and what the server did, by case.
func Run(t *testing.T, server net.Addr, path string, leaveOut ...string) (want, got map[string]string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, client); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(server.String())
	if err != nil {
		t.Fatal(err)
	}
	const patience = "300" // seconds that the client waits for the server
	args := append([]string{filepath.Join(dir, "testdata", "records.py"), host, port, path, patience}, leaveOut...)
	cmd := exec.CommandContext(t.Context(), python(t), args...) //nolint:gosec // the test says what is run
	var trouble strings.Builder
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, trouble.String(), out)
	}
	want, got = map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			t.Fatalf("the client says %q", line)
		}
		want[fields[0]], got[fields[0]] = fields[1], fields[2]
	}
	if len(want) == 0 {
		t.Fatal("there are no cases")
	}
	return want, got
}

// Check compares what Run returns.
func Check(t *testing.T, want, got map[string]string) {
	t.Helper()
	for name, want := range want {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
}

// python returns a Python that has the client's ciphers: Debian's may not be the first one in the path.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		//nolint:gosec // one of these two
		if exec.CommandContext(t.Context(), name, "-c", "import cryptography").Run() == nil {
			return name
		}
	}
	const missing = "this needs Python: apt-get install -y python3 python3-cryptography"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
