//go:build linux

// Package process measures processes: their CPU time in nanoseconds, and their resident memory.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Group lists the processes of one server.
type Group []int

// Tree returns pid and its children.
func Tree(pid int) (Group, error) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	group := Group{pid}
	for _, entry := range all {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // the command before it may have spaces
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			group = append(group, child)
		}
	}
	return group, nil
}

// CPU returns the time that the group has used so far, user and system.
func (g Group) CPU() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range g {
		var ts unix.Timespec
		if err := unix.ClockGettime(clockOf(pid), &ts); err != nil {
			return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
		}
		sum += time.Duration(ts.Nano())
	}
	return sum, nil
}

// clockOf returns the CPU clock of a process, as clock_getcpuclockid(3) does (linux/posix-timers.h). CPUCLOCK_SCHED counts
// the time that the scheduler gave the process, and not ticks.
func clockOf(pid int) int32 { return int32(^pid<<3 | 2) }

// Memory returns the resident memory of the group in bytes. Shared memory counts once.
func (g Group) Memory() (int64, error) {
	var private, shared int64
	for _, pid := range g {
		anon, rest, err := resident(pid)
		if err != nil {
			return 0, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		private += anon
		shared = max(shared, rest)
	}
	return private + shared, nil
}

func resident(pid int) (anon, rest int64, err error) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	found := 0
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name != "RssAnon" && name != "RssFile" && name != "RssShmem" {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
		found++
		if name == "RssAnon" {
			anon = kib << 10
		} else {
			rest += kib << 10
		}
	}
	if found != 3 {
		return 0, 0, errors.Join(errors.New("status has no RssAnon, RssFile and RssShmem"), lines.Err())
	}
	return anon, rest, nil
}

// Settle waits until the group has used almost no CPU for 20 ms, at most limit.
func (g Group) Settle(limit time.Duration) error {
	const step, enough, idle = 5 * time.Millisecond, 4, 100 * time.Microsecond
	last, err := g.CPU()
	if err != nil {
		return err
	}
	calm := 0
	for end := time.Now().Add(limit); calm < enough && time.Now().Before(end); {
		time.Sleep(step)
		now, err := g.CPU()
		if err != nil {
			return err
		}
		if calm++; now-last > idle {
			calm = 0
		}
		last = now
	}
	return nil
}

// Now returns CLOCK_MONOTONIC in ns. All processes of a machine share it.
func Now() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("CLOCK_MONOTONIC: %w", err)
	}
	return ts.Nano(), nil
}
