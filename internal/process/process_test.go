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
	n := 0
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); n++ {
		block[n*4096%len(block)]++
	}
	for i := 0; i < len(block); i += 4096 {
		block[i]++
	}
	after, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if used := after - before; used < time.Millisecond || used > 5*time.Second {
		t.Errorf("50 ms of work took %v of CPU", used)
	}
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	if sum := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()); sum < after || sum > after+after/5+20*time.Millisecond {
		t.Errorf("the clock says %v, getrusage %v", after, sum)
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
