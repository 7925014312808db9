//go:build linux

package process

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUseOfThisProcess(t *testing.T) {
	self := Group{os.Getpid()}
	before, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	memory, err := self.Memory()
	if err != nil {
		t.Fatal(err)
	}
	block, err := unix.Mmap(-1, 0, 32<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(block) }()
	for i := 0; i < len(block); i += 4096 {
		block[i]++
	}
	used := func() time.Duration { // as the kernel counts it in ticks
		var usage unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
			t.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	const work, tick = 50 * time.Millisecond, 20 * time.Millisecond
	first := used()
	for n := 0; used() < first+work; n++ {
		block[n*4096%len(block)]++
	}
	after, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if last := used(); after-before < work-tick || after > last+tick {
		t.Errorf("of %v of work the clock says %v; in all it says %v, and getrusage %v", work, after-before, after, last)
	}
	now, err := self.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if grown := now - memory; grown < 24<<20 {
		t.Errorf("touching 32 MiB grew memory by %d bytes", grown)
	}
}

func TestTreeHasChildren(t *testing.T) {
	group, err := Tree(os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range group[1:] {
		if pid == os.Getpid() {
			return
		}
	}
	t.Errorf("%v lacks %d", group, os.Getpid())
}
