package realserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/motacilla-live/motacilla/internal/nginx"
)

// Nchan is nginx with the module Nchan, and one worker.
type Nchan struct {
	processes
	Addr string // host and port
}

// NewNchan starts an nginx with these locations. It is killed when the test ends.
func NewNchan(t testing.TB, locations string) *Nchan {
	t.Helper()
	program, err := nginx.ProgramWithNchan()
	if err != nil {
		missing(t, fmt.Sprintf("nginx with Nchan (%v)", err), "nginx libnginx-mod-nchan")
	}
	n := &Nchan{}
	var args []string
	n.command = func() *exec.Cmd { return exec.CommandContext(context.Background(), program, args...) }
	n.ready = func() error { return accepts(n.Addr) }
	dir, err := os.MkdirTemp("", "nchan") // the worker can't reach what is in t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n.first(t, func() error {
		n.Addr = address(FreePort(t))
		args, err = nginx.Nchan{Dir: dir, Addr: n.Addr, Workers: 1, Locations: locations}.Write()
		return err
	})
	return n
}
