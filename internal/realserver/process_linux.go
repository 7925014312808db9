package realserver

import (
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla/internal/process"
)

// credential returns the user for servers that refuse to run as root. It is nil if the tests do not run as root.
func credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// sysProcAttr makes the process end when ours ends, for whatever reason.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential(), Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}

// sameUser is sysProcAttr for a server that runs as the tests do.
func sameUser() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// gentle is sameUser for a server that has to end others.
func gentle() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}

// start starts cmd. gone is closed when cmd has ended. Pdeathsig is sent when the thread that started cmd ends, so that
// thread is kept. It is kept after the end of cmd too, because it may have started others.
func start(cmd *exec.Cmd) (gone chan struct{}, err error) {
	started := make(chan error)
	gone = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // otherwise the thread would end with the goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(gone)
		}
	}()
	return gone, <-started
}

// killTree kills p and the processes that it has started. They might not end with it. Those that it starts meanwhile are in its
// group; others may have left that.
func killTree(p *os.Process) {
	tree, err := process.Tree(p.Pid)
	if err != nil {
		tree = process.Group{p.Pid}
	}
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	for _, pid := range tree {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Freeze has the server stand still: it takes and sends nothing more, and its connections stay open. Kill ends it.
func (d *processes) Freeze(t testing.TB) {
	t.Helper()
	if err := d.running.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}
