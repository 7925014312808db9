package e2e

import (
	"bufio"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// anypageProgram builds examples/anypage once.
var anypageProgram = sync.OnceValues(func() (string, error) { return build("anypage", "./examples/anypage") })

// example runs examples/anypage at addr, which shows the channel of a server.
func example(t *testing.T, addr, server string) {
	t.Helper()
	program, err := anypageProgram()
	if err != nil {
		t.Fatal(err)
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
