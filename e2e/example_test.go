package e2e

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// free returns an address that is not in use.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// example runs examples/anypage at addr, which shows the channel of a server.
func example(t *testing.T, addr, server string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "anypage")
	build := exec.Command("go", "build", "-o", program, "./examples/anypage")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(program, "-addr", addr, "-live", server, "-channel", string(channel))
	said, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil { // the example listens
		t.Fatal(err)
	}
}

func (p *tab) goTo(url string) {
	p.t.Helper()
	p.run(chromedp.Navigate(url))
}
