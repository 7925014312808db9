//go:build linux

// Package process says what processes have used: time of CPU to the nanosecond, and resident memory.
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

// Group is the processes of one server.
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
			continue // gone meanwhile
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // after the command, which may have spaces
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			group = append(group, child)
		}
	}
	return group, nil
}

// CPU is the time that the group has used so far, user and system.
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

// clockOf is clock_getcpuclockid(3): the kernel's encoding of a process's CPU clock (linux/posix-timers.h), with
// CPUCLOCK_SCHED, which counts what the scheduler has given it and not ticks.
func clockOf(pid int) int32 { return int32(^pid<<3 | 2) }

// Memory is the group's resident memory in bytes. What processes share counts once.
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

// Settle waits until the group has done next to nothing for 20 ms, at most limit.
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

// Now is CLOCK_MONOTONIC in ns, which all processes of a machine share.
func Now() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("CLOCK_MONOTONIC: %w", err)
	}
	return ts.Nano(), nil
}
