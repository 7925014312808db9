package realserver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// daemon is a server of one program.
type daemon struct {
	command func() *exec.Cmd
	ready   func() error  // returns nil once the server answers
	cmd     *exec.Cmd     // nil while it does not run
	ended   chan struct{} // closed when cmd and all that have its output have ended
	out     *bytes.Buffer // must not be read before that
}

// start starts the program, and returns when it answers.
func (d *daemon) start() error {
	d.cmd, d.out = d.command(), &bytes.Buffer{}
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	if d.cmd.SysProcAttr == nil {
		d.cmd.SysProcAttr = sameUser()
	}
	var err error
	if d.ended, err = start(d.cmd); err != nil {
		d.cmd = nil
		return err
	}
	for late := time.Now().Add(starting); ; {
		err := d.ready()
		if err == nil {
			return nil
		}
		select {
		case <-d.ended:
			d.cmd = nil
			return fmt.Errorf("it ended: %s", d.out)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(late) {
			d.Kill()
			return fmt.Errorf("it does not answer: %w: %s", err, d.out)
		}
	}
}

// first starts the server for the first time. configure chooses its ports. It is called again if another process has taken
// one of them. The server is killed when the test ends.
func (d *daemon) first(t testing.TB, configure func() error) {
	t.Helper()
	t.Cleanup(d.Kill)
	for attempt := 0; ; attempt++ {
		err := configure()
		if err == nil {
			err = d.start()
		}
		if err == nil {
			return
		}
		if attempt == 4 {
			t.Fatalf("start the server: %v", err)
		}
	}
}

// Kill kills the server with all its processes, and waits for their end.
func (d *daemon) Kill() {
	if d.cmd == nil {
		return
	}
	killTree(d.cmd.Process)
	<-d.ended
	d.cmd = nil
}

// Restart starts the server again after Kill, with its ports and its configuration. It has forgotten its readers.
func (d *daemon) Restart(t testing.TB) {
	t.Helper()
	if err := d.start(); err != nil {
		t.Fatalf("restart the server: %v", err)
	}
}

// accepts returns nil if something accepts connections at each of the addresses.
func accepts(addrs ...string) error {
	var all []error
	for _, addr := range addrs {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			err = conn.Close()
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
