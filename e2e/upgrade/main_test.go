//go:build linux

package upgrade

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"golang.org/x/sys/unix"
)

var soak = flag.Bool("soak", false, "10,000 streams and 20 upgrades for each store, and ten deaths of each process; takes half an hour")

// The programs that TestMain builds.
var (
	binary  string // cmd/motacilla, with the race detector; without it with -soak
	readers string // crowd/readers, without the race detector
)

// nursery is the group of all processes of servers. It ends with this process, however that ends.
var nursery int

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the tests wait more than they work; -parallel overrides it
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "motacilla-upgrade-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, readers = filepath.Join(dir, "motacilla"), filepath.Join(dir, "readers")
	// Processes whose parent has ended become children of this one.
	orphans := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	leave, err := nurse()
	err = errors.Join(orphans, err, build(binary, filepath.Join("..", ".."), "./cmd/motacilla", !*soak),
		build(readers, ".", "./crowd/readers", false))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	leave()
	if code == 0 {
		if err := leaktest.Find(time.Minute); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// build builds a program in a folder.
func build(path, dir, pkg string, race bool) error {
	args, cgo := []string{"build", "-o", path}, "CGO_ENABLED=0"
	if race {
		args, cgo = append(args, "-race"), "CGO_ENABLED=1"
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// nurse starts the process that leads the group. It kills the group when its input ends.
func nurse() (leave func(), err error) {
	cmd := exec.Command("sh", "-c", "read -r _; kill -KILL 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	nursery = cmd.Process.Pid
	return func() {
		_ = in.Close()
		_ = cmd.Wait()
	}, nil
}
