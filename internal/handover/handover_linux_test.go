package handover

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestUpgrades: readers talk while the server is replaced, twice. None of them notices, nor does anybody who comes meanwhile.
func TestUpgrades(t *testing.T) {
	h := build(t)
	readers := h.readers(50)
	talking, knocking := chat(readers), h.knock()
	var files [2]string
	for i := range files {
		old := h.pid
		count, err := h.upgrade()
		if err != nil {
			t.Fatal(err)
		}
		files[i] = h.await("files") // of the old process
		h.await("took")
		h.serving()
		if count.PID != h.pid || count.Taken < 50 || count.Refused != 0 {
			t.Errorf("got %+v, want 50 taken or more, by %d", count, h.pid)
		}
		if h.pid == old {
			t.Errorf("process %d serves still", old)
		}
	}
	for i, err := range talking() {
		if err != nil {
			t.Errorf("reader %d: %v", i, err)
		}
	}
	if refused, reset := knocking(); len(refused)+len(reset) != 0 {
		t.Errorf("connecting failed: %v, %v", refused, reset)
	}
	h.knowsTheDoor()
	if pids, err := Servers(); err != nil || !slices.Contains(pids, h.pid) {
		t.Errorf("servers are %v, %v; want %d among them", pids, err, h.pid)
	}
	t.Logf("files of the old processes after the handover: %v", files)
}

// knowsTheDoor checks that the Unix socket belongs to the process that serves, and still has its file.
func (h *house) knowsTheDoor() {
	h.t.Helper()
	conn, err := net.Dial("unix", h.door)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	var pid int
	if _, err := fmt.Fscan(conn, &pid); err != nil || pid != h.pid {
		h.t.Errorf("process %d answers at %s (%v), want %d", pid, h.door, err, h.pid)
	}
}

// TestFlood: 2,000 readers are handed over with what is on its way in both directions.
func TestFlood(t *testing.T) {
	h := build(t)
	readers := h.readers(2000)
	for _, r := range readers { // half a line before, the other half after
		if _, err := r.conn.Write([]byte("ha")); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	count, err := h.upgrade()
	if err != nil || count.Taken != len(readers) || count.Refused != 0 {
		t.Fatalf("got %+v, %v", count, err)
	}
	t.Logf("the upgrade took %v", time.Since(start))
	for i, r := range readers {
		if _, err := r.conn.Write([]byte("lf\n")); err != nil {
			t.Fatal(err)
		}
		if err := r.hear("half"); err != nil {
			t.Fatalf("reader %d: %v", i, err)
		}
	}
}

// TestFilesAreGivenBack: neither a failed handover nor a successful one leaves files behind.
func TestFilesAreGivenBack(t *testing.T) {
	h := build(t, stepKey+"=2:take 3", doesKey+"=exit")
	var files []string
	for range 3 {
		h.readers(20)
		if _, err := h.upgrade(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Fatalf("error is %v", err)
		}
		given, n := 0, 0
		fmt.Sscan(h.await("given"), &given)
		fmt.Sscan(h.await("files"), &n)
		h.readers(given) // as many as before
		files = append(files, fmt.Sprint(n+given-20*len(files)))
	}
	if files[1] != files[2] {
		t.Errorf("files after each failure, without new connections: %v", files)
	}
	g := build(t)
	var left [3]int // of generations with 20 readers more each
	for i := range left {
		if _, err := g.upgrade(); err != nil {
			t.Fatal(err)
		}
		g.serving()
		all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.pid))
		if err != nil {
			t.Fatal(err)
		}
		left[i] = len(all)
		g.readers(20)
	}
	if left[1] != left[0]+20 || left[2] != left[0]+40 {
		t.Errorf("files of each generation: %v", left)
	}
}

// TestNewProcessFails: whatever is wrong with the new process, the old one goes on, and says why it failed.
func TestNewProcessFails(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want string
	}{
		"never ready":     {[]string{stepKey + "=2:inherited", doesKey + "=hang", readyKey + "=2s"}, "not ready within 2s"},
		"never accepts":   {[]string{stepKey + "=2:ready", doesKey + "=hang", paceKey + "=1s"}, "has done nothing for 1s"},
		"ends":            {[]string{stepKey + "=2:inherited", doesKey + "=exit"}, "has ended: exit status 3"},
		"old version":     {[]string{versionKey + "=-1"}, "speaks version -1 of the handover, expected 1"},
		"later version":   {[]string{versionKey + "=3"}, "speaks version 3 of the handover, expected 1"},
		"another process": {[]string{commandKey + `="$HANDOVER_TEST_EXE"; true`}, "the command must run the server itself"},
		"no program":      {[]string{commandKey + "=exec /nowhere 2>/dev/null"}, "has ended: exit status 127"},
		"not a successor": {[]string{commandKey + "=exit 0"}, "has ended: exit status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, tt.env...)
			readers := h.readers(5)
			talking, knocking := chat(readers), h.knock()
			for range 2 { // it can be tried again
				if _, err := h.upgrade(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error is %v, want %q", err, tt.want)
				}
			}
			if kept := count(talking()); kept != len(readers) {
				t.Errorf("%d of %d readers were kept", kept, len(readers))
			}
			if refused, reset := knocking(); len(refused)+len(reset) != 0 {
				t.Errorf("connecting failed: %v, %v", refused, reset)
			}
			h.knowsTheDoor()
		})
	}
}

// TestNewProcessStops: a new process that takes no more connections holds the old one up for one step only. The old process keeps
// the connections that it has not given.
func TestNewProcessStops(t *testing.T) {
	h := build(t, stepKey+"=2:take 10", doesKey+"=hang", paceKey+"=5s")
	readers := h.readers(500)
	if _, err := h.upgrade(); err == nil || !strings.Contains(err.Error(), "has done nothing for 5s") {
		t.Errorf("error is %v", err)
	}
	h.kept(readers)
}

// kept checks that the old process has all readers but those that it has given.
func (h *house) kept(readers []*reader) {
	h.t.Helper()
	var given int
	if _, err := fmt.Sscan(h.await("given"), &given); err != nil {
		h.t.Fatal(err)
	}
	kept := 0
	for _, r := range readers {
		if r.say("still here") == nil {
			kept++
		}
	}
	if kept != len(readers)-given {
		h.t.Errorf("%d of %d readers are there after %d were given", kept, len(readers), given)
	}
	h.t.Logf("%d of %d readers were given", given, len(readers))
}
