package realserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// processes is a server of one process or several, of which one starts the others. A goroutine of its own starts the program, reads
// what it prints, and waits for its end, also after a restart. So a test in which the server is restarted has no other goroutines
// after it than before.
type processes struct {
	command func() *exec.Cmd
	ready   func() error // returns nil once the server answers
	runs    chan *run
	running *run // nil while it does not run
}

// run is one life of the program.
type run struct {
	cmd     *exec.Cmd
	started chan error
	ended   chan struct{} // closed when cmd has ended, and all that it has started
	out     bytes.Buffer  // must not be read before that
}

// serve runs the program, until runs is closed. Pdeathsig is sent when the thread ends that has started the program.
func serve(runs <-chan *run) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread() // otherwise the thread would end with the goroutine
	for r := range runs {
		in, out, err := os.Pipe()
		if err == nil {
			r.cmd.Stdout, r.cmd.Stderr = out, out
			err = errors.Join(r.cmd.Start(), out.Close())
		}
		r.started <- err
		if err == nil {
			_, _ = r.out.ReadFrom(in) // until all have ended
			_ = r.cmd.Wait()
		}
		_ = in.Close()
		close(r.ended)
	}
}

// start starts the program, and returns when it answers.
func (d *processes) start() error {
	r := &run{cmd: d.command(), started: make(chan error), ended: make(chan struct{})}
	if r.cmd.SysProcAttr == nil {
		r.cmd.SysProcAttr = sameUser()
	}
	d.runs <- r
	if err := <-r.started; err != nil {
		return err
	}
	d.running = r
	for late := time.Now().Add(starting); ; {
		err := d.ready()
		if err == nil {
			return nil
		}
		select {
		case <-r.ended:
			d.running = nil
			return fmt.Errorf("it ended: %s", &r.out)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(late) {
			d.Kill()
			return fmt.Errorf("it does not answer: %w: %s", err, &r.out)
		}
	}
}

// first starts the server for the first time. configure chooses its ports. It is called again if another process has taken
// one of them. The server is killed when the test ends.
func (d *processes) first(t testing.TB, configure func() error) {
	t.Helper()
	d.runs = make(chan *run)
	over := make(chan struct{})
	go func() {
		defer close(over)
		serve(d.runs)
	}()
	t.Cleanup(func() {
		d.Kill()
		close(d.runs)
		<-over
	})
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

// program starts a program for the first time. It answers at the URL health with 200 once it serves.
func (d *processes) program(t testing.TB, health, bin string, args ...string) {
	t.Helper()
	d.command = func() *exec.Cmd { return exec.CommandContext(context.Background(), bin, args...) }
	d.ready = func() error { return healthy(health) }
	d.first(t, func() error { return nil })
}

func healthy(url string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

// Kill kills the server with all its processes, and waits for their end.
func (d *processes) Kill() {
	if d.running == nil {
		return
	}
	killTree(d.running.cmd.Process)
	<-d.running.ended
	d.running = nil
}

// Restart starts the server again after Kill, with its ports and its configuration. It has forgotten its readers. A process that ends
// closes its output before its sockets, so the ports may be in use for a moment.
func (d *processes) Restart(t testing.TB) {
	t.Helper()
	late := time.Now().Add(starting)
	for {
		err := d.start()
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "ddress already in use") || time.Now().After(late) {
			t.Fatalf("restart the server: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
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
