//go:build !linux

package realserver

import (
	"os"
	"os/exec"
	"syscall"
)

// credential returns nil: on systems other than Linux the tests do not run as root.
func credential() *user { return nil }

type user struct{ Uid, Gid uint32 }

func sysProcAttr() *syscall.SysProcAttr { return nil }

func sameUser() *syscall.SysProcAttr { return nil }

func gentle() *syscall.SysProcAttr { return nil }

// start starts cmd. gone is closed when cmd has ended.
func start(cmd *exec.Cmd) (gone chan struct{}, err error) {
	gone = make(chan struct{})
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	return gone, nil
}

func killTree(p *os.Process) { _ = p.Kill() }
