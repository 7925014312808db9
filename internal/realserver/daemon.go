package realserver

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// daemon is a server that is one program. It answers at health with 200 as soon as it serves.
type daemon struct {
	bin    string
	args   []string
	health string // URL

	cmd   *exec.Cmd
	ended chan struct{}
	out   bytes.Buffer // must not be read before the end of cmd
}

// Kill kills the server, and waits for its end.
func (d *daemon) Kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// Restart starts the server again after Kill, with its address.
func (d *daemon) Restart(t testing.TB) {
	t.Helper()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
}

// start starts the server, and returns when it serves.
func (d *daemon) start() error {
	d.out.Reset()
	d.cmd = exec.CommandContext(context.Background(), d.bin, d.args...)
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	d.cmd.SysProcAttr = sameUser()
	var err error
	if d.ended, err = start(d.cmd); err != nil {
		return err
	}
	for late := time.Now().Add(starting); ; {
		if err = d.healthy(); err == nil {
			return nil
		}
		select {
		case <-d.ended:
			return fmt.Errorf("%s ended: %s", d.bin, &d.out)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(late) {
			d.Kill()
			return fmt.Errorf("%s does not answer: %w: %s", d.bin, err, &d.out)
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
