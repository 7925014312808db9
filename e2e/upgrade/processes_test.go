//go:build linux

package upgrade

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// living returns the processes that run the server now.
func (s *server) living() (pids []int) {
	s.t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, at := range folders {
		if to, err := os.Readlink(at); err == nil && to == s.dir {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(at))); err == nil && lives(pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// lives reports whether a process runs. One that has ended is a zombie until its parent takes note.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && len(after) > 0 && after[0] != 'Z' && after[0] != 'X'
}

// status returns how a process has ended that is a child of this one.
func (s *server) status(pid int) unix.WaitStatus {
	s.t.Helper()
	var status unix.WaitStatus
	s.await("a process ends", func() bool {
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		return got == pid || err == unix.ECHILD
	})
	return status
}

// bury kills what is left at the end of a test, and shows the log if the test has failed.
func (s *server) bury() {
	for _, pid := range s.living() {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	for _, pid := range s.pids {
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	log := s.logged()
	if strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
		s.t.Error("a process has a data race, or has panicked")
	}
	if s.t.Failed() {
		s.t.Logf("the server at %s said, at the end:\n%s", s.url, log[max(0, len(log)-8000):])
	}
}
