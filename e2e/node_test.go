package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"
)

// script is a process of Node.js that prints lines.
type script struct {
	t     *testing.T
	stdin io.Closer
	lines chan string
	ended chan error
	errs  *bytes.Buffer // read it only when the process has ended
}

// node runs a script in a folder. What it prints must be taken by says. It is killed at the end of the test.
func node(t *testing.T, folder string, env []string, args ...string) *script {
	t.Helper()
	cmd := exec.Command("node", args...)
	p := &script{t: t, lines: make(chan string, 1000), ended: make(chan error, 1), errs: &bytes.Buffer{}}
	cmd.Dir, cmd.Env, cmd.Stderr = folder, append(os.Environ(), env...), p.errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	over := make(chan struct{})
	go func() {
		defer close(over)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.lines <- lines.Text()
		}
		close(p.lines)
		p.ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-over
	})
	return p
}

// says waits until the script prints a line. Lines before it are passed over.
func (p *script) says(want string) {
	p.t.Helper()
	for {
		line := receive(p.t, "the script says "+want, p.lines)
		if line == want {
			return
		}
		if line == "" { // the process has ended
			p.t.Fatalf("the script never says %s: %v\n%s", want, <-p.ended, p.errs)
		}
	}
}

// ends closes the script's standard input and waits until the process has ended by itself.
func (p *script) ends() {
	p.t.Helper()
	_ = p.stdin.Close()
	if err := receive(p.t, "the script ends", p.ended); err != nil {
		p.t.Errorf("the script ends with %v\n%s", err, p.errs)
	}
}
