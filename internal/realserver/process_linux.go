package realserver

import (
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// credential is whom root runs servers as that refuse to be root's; nil for all others.
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

// sysProcAttr has the process end with ours, however ours ends.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential(), Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}

// start starts cmd, which ends with this process; gone is closed when it has. What Pdeathsig waits for is the end of
// the thread that started it, so that one stays until then; and beyond, for it may have started others.
func start(cmd *exec.Cmd) (gone chan struct{}, err error) {
	started := make(chan error)
	gone = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // else the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(gone)
		}
	}()
	return gone, <-started
}
