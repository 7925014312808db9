package realserver

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// daemon is a server that is one program. It answers at health with 200 as soon as it serves.
type daemon struct {
	bin    string
	args   []string
	health string // URL

	log      string // file with what it prints
	launches chan *launch
	running  *launch // nil if it does not run
}

// launch is one start of a program.
type launch struct {
	cmd     *exec.Cmd
	started chan error
	ended   chan struct{}
}

// run starts the server for the first time. It is stopped when the test ends.
func (d *daemon) run(t testing.TB) {
	t.Helper()
	d.log = filepath.Join(t.TempDir(), "log")
	d.launches = make(chan *launch)
	go keep(d.launches)
	t.Cleanup(func() {
		d.Kill()
		close(d.launches)
	})
	d.Restart(t)
}

// keep starts a program each time that it is told to, and waits for its end. A restart makes no goroutine: a test that looks for leaks would
// find it. The thread is kept because of Pdeathsig, as in start.
func keep(launches <-chan *launch) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for l := range launches {
		err := l.cmd.Start()
		l.started <- err
		if err == nil {
			_ = l.cmd.Wait()
			close(l.ended)
		}
	}
}

// Kill kills the server, and waits for its end.
func (d *daemon) Kill() {
	if d.running == nil {
		return
	}
	_ = d.running.cmd.Process.Kill()
	<-d.running.ended
	d.running = nil
}

// Restart starts the server again after Kill, with its address. It returns when the server answers.
func (d *daemon) Restart(t testing.TB) {
	t.Helper()
	if err := d.start(); err != nil {
		out, _ := os.ReadFile(d.log)
		t.Fatalf("%s: %v: %s", d.bin, err, out)
	}
}

func (d *daemon) start() error {
	out, err := os.Create(d.log)
	if err != nil {
		return err
	}
	defer out.Close()
	l := &launch{cmd: exec.CommandContext(context.Background(), d.bin, d.args...), started: make(chan error), ended: make(chan struct{})}
	l.cmd.Stdout, l.cmd.Stderr = out, out
	l.cmd.SysProcAttr = sameUser()
	d.launches <- l
	if err := <-l.started; err != nil {
		return err
	}
	d.running = l
	for late := time.Now().Add(starting); ; {
		if err = d.healthy(); err == nil {
			return nil
		}
		select {
		case <-l.ended:
			d.running = nil
			return fmt.Errorf("it ended: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(late) {
			return err
		}
	}
}

func (d *daemon) healthy() error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(d.health)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", d.health, resp.Status)
	}
	return nil
}
