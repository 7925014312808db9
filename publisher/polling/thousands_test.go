package polling_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestThousands holds 2,000 long polls on one channel. One update answers all of them with one read of the store and one
// encoding, in either protocol. A drain answers all of them at once.
func TestThousands(t *testing.T) {
	const processes = 4
	const readers = int64(2000)
	program := filepath.Join(t.TempDir(), "thousands")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/thousands")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	server := start(t, exec.CommandContext(t.Context(), program, "serve"))
	var url, head string
	if _, err := fmt.Fscan(server.out, &url, &head); err != nil {
		t.Fatal(err)
	}
	_, _ = server.out.ReadString('\n')
	var clients []*child
	for range processes {
		n := strconv.FormatInt(readers/processes, 10)
		clients = append(clients, start(t, exec.CommandContext(t.Context(), program, "read", n, url, head)))
	}

	before := server.until(t, "readers", readers)
	began := time.Now()
	for i, wire := range []string{"since", "last_update_ts"} {
		server.ask(t, "post")
		server.until(t, "deliveries", int64(i+1)*readers)
		took := time.Since(began)
		after := server.until(t, "readers", readers) // all have asked again
		window := int64(0)
		if i == 0 {
			window = 1 // the first request of Wagtail Live's client made the window
		}
		for what, most := range map[string]int64{"source": 1 + window, "reads": 1 + window, "renders": 1, "encodings": 1} {
			if n := after[what] - before[what]; n != most {
				t.Errorf("%s: %d held requests, one update: %s went up by %d, want %d", wire, readers, what, n, most)
			}
		}
		t.Logf("%s: %d answered within %v", wire, readers, took.Round(time.Millisecond))
		before, began = after, time.Now()
	}
	server.ask(t, "drain")
	t.Logf("drain: %d answered within %v", readers, time.Since(began).Round(time.Millisecond))
	var sum [3]int64
	for _, c := range clients {
		var n [3]int64
		if _, err := fmt.Fscan(c.out, &n[0], &n[1], &n[2]); err != nil {
			t.Fatalf("read: %v", err)
		}
		for i := range n {
			sum[i] += n[i]
		}
	}
	if want := [3]int64{readers, readers, readers}; sum != want {
		t.Errorf("readers answered = %v, want %v", sum, want)
	}
}

// child is a process, which ends with the test.
type child struct {
	in  io.Writer
	out *bufio.Reader
}

func start(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{in: in, out: bufio.NewReader(out)}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return c
}

// ask sends the server a command and returns its counters.
func (c *child) ask(t *testing.T, command string) (counters map[string]int64) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	line, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &counters)
	}
	if err != nil {
		t.Fatalf("%s: %q: %v", command, line, err)
	}
	return counters
}

// until asks until a counter is at n.
func (c *child) until(t *testing.T, counter string, n int64) map[string]int64 {
	t.Helper()
	for range 3000 {
		counters := c.ask(t, "")
		if counters[counter] == n {
			return counters
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s: %v after a minute, want %d", counter, c.ask(t, ""), n)
	return nil
}
