package storagetest_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

// brokenEnv names the flaw that a child process runs the suite with.
const brokenEnv = "MOTACILLA_STORAGETEST_BROKEN"

var quick = &storagetest.Options{Operations: 30_000, Patience: time.Second}

// The suite fails stores that are broken. A failing subtest fails its test, so each runs in a process of its own.
func TestBites(t *testing.T) {
	for _, f := range slices.Concat(flaws, recordFlaws) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			out, failed := child(t, "TestBroken", f.fails, f.name)
			if !failed || !strings.Contains(out, "--- FAIL: TestBroken/"+f.fails+" ") {
				t.Fatalf("%s passed as a store with %s:\n%s", f.fails, f.name, out)
			}
		})
	}
	for _, f := range moverFlaws {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			out, failed := child(t, "TestBrokenMover", f.fails, f.name)
			if !failed || !strings.Contains(out, "--- FAIL: TestBrokenMover/"+f.fails+" ") {
				t.Fatalf("%s passed as a store with %s:\n%s", f.fails, f.name, out)
			}
		})
	}
	t.Run("no mover", func(t *testing.T) {
		t.Parallel()
		out, failed := child(t, "TestBrokenMover", "Channels", "no mover")
		if !failed || !strings.Contains(out, "no storage.Mover") {
			t.Fatalf("a store that moves no channels passed as one that does:\n%s", out)
		}
	})
	t.Run("two backends", func(t *testing.T) {
		t.Parallel()
		out, failed := child(t, "TestBrokenShared", "Writes", "two backends")
		if !failed || !strings.Contains(out, "--- FAIL: TestBrokenShared/Writes ") {
			t.Fatalf("two stores passed as two handles of one:\n%s", out)
		}
	})
}

func child(t *testing.T, test, subtest, flaw string) (out string, failed bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+test+"$/^"+subtest+"$",
		"-test.v", "-test.timeout=20m", "-rapid.nofailfile", "-rapid.shrinktime=100ms")
	cmd.Env = append(os.Environ(), brokenEnv+"="+flaw)
	output, err := cmd.CombinedOutput()
	if strings.Contains(string(output), "panic: ") {
		t.Fatalf("the suite panicked:\n%s", output)
	}
	return string(output), err != nil
}

// TestBroken is what TestBites runs in a child process.
func TestBroken(t *testing.T) {
	name := os.Getenv(brokenEnv)
	if name == "" {
		return // TestBites runs it
	}
	for _, f := range slices.Concat(flaws, recordFlaws) {
		if f.name == name {
			storagetest.Run(t, func(t *testing.T, clock motacilla.Clock) storage.Store {
				whole := memory.New(&memory.Options{Clock: clock})
				t.Cleanup(func() { _ = whole.Close() })
				return f.spoil(whole)
			}, quick)
		}
	}
}

// TestBrokenMover is what TestBites runs in a child process.
func TestBrokenMover(t *testing.T) {
	name := os.Getenv(brokenEnv)
	if name == "" {
		return // TestBites runs it
	}
	flaws := append(moverFlaws, moverFlaw{"no mover", "", func(s movable) storage.Store {
		return struct{ storage.Store }{s}
	}})
	for _, f := range flaws {
		if f.name == name {
			storagetest.RunMover(t, func(t *testing.T, clock motacilla.Clock) storage.Store {
				whole := memory.New(&memory.Options{Clock: clock})
				t.Cleanup(func() { _ = whole.Close() })
				return f.spoil(whole)
			}, quick)
		}
	}
}

// TestBrokenShared is what TestBites runs in a child process.
func TestBrokenShared(t *testing.T) {
	if os.Getenv(brokenEnv) == "" {
		return // TestBites runs it
	}
	storagetest.RunShared(t, func(_ *testing.T, clock motacilla.Clock) (a, b storage.Store) {
		return memory.New(&memory.Options{Clock: clock}), memory.New(&memory.Options{Clock: clock})
	}, nil)
}

// handle is one of several on a store, which stays open.
type handle struct{ storage.Store }

func (handle) Close() error { return nil }

// RunShared passes what is as one.
func TestShared(t *testing.T) {
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (a, b storage.Store) {
		one := memory.New(&memory.Options{Clock: clock})
		t.Cleanup(func() { _ = one.Close() })
		return handle{one}, handle{one}
	}, nil)
}
