package handover

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is longer than anything takes that works.
const patience = 3 * time.Minute

// house is a server in another process, with its successors.
type house struct {
	t    *testing.T
	pid  int
	addr string
	door string

	mu    sync.Mutex
	lines []string      // that the processes have written and nobody has awaited
	more  chan struct{} // closed when there is another line, or the last process has ended
	ended bool
}

// build starts a server. env has what is to happen.
func build(t *testing.T, env ...string) *house {
	t.Helper()
	h := &house{t: t, more: make(chan struct{}), door: filepath.Join(t.TempDir(), "door")}
	in, life, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, lines, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable())
	cmd.Env = append(append(os.Environ(), roleKey+"=server", generationKey+"=1", addrKey+"=127.0.0.1:0", doorKey+"="+h.door,
		"GORACE=halt_on_error=1 atexit_sleep_ms=0"), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, lines, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	lines.Close()
	go h.read(out)
	t.Cleanup(func() {
		life.Close() // all generations end
		_ = cmd.Wait()
		h.awaitEnd()
		out.Close()
	})
	h.serving()
	return h
}

func (h *house) read(from *os.File) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		h.add(lines.Text(), false)
	}
	h.add("", true)
}

func (h *house) add(line string, end bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended = end; !end {
		h.lines = append(h.lines, line)
	}
	close(h.more)
	h.more = make(chan struct{})
}

// find returns the next line that begins with a word, without the word, and what to wait for if there is none.
func (h *house) find(word string) (rest string, found, ended bool, more chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, line := range h.lines {
		if first, rest, _ := strings.Cut(line, " "); first == word {
			h.lines = append(h.lines[:i:i], h.lines[i+1:]...)
			return rest, true, h.ended, nil
		}
	}
	return "", false, h.ended, h.more
}

// await returns the next line that begins with word, without the word.
func (h *house) await(word string) string {
	h.t.Helper()
	for late := time.After(patience); ; {
		rest, found, ended, more := h.find(word)
		if found {
			return rest
		}
		if ended {
			h.t.Fatalf("all processes have ended without a word of %q; they said %q", word, h.lines)
		}
		select {
		case <-more:
		case <-late:
			h.t.Fatalf("no process has said %q, but %q", word, h.lines)
		}
	}
}

// awaitEnd waits until all generations have ended, and fails if one had a leak.
func (h *house) awaitEnd() {
	for late := time.After(patience); ; {
		leak, found, ended, more := h.find("leak")
		if found {
			h.t.Errorf("a process has left goroutines: %s", leak)
			continue
		}
		if ended {
			return
		}
		select {
		case <-more:
		case <-late:
			h.t.Errorf("process %d has not ended", h.pid)
			return
		}
	}
}

// serving waits for the next generation.
func (h *house) serving() {
	h.t.Helper()
	if _, err := fmt.Sscanf(h.await("serving"), "%d %s", &h.pid, &h.addr); err != nil {
		h.t.Fatal(err)
	}
}

// upgrade asks the server to upgrade itself.
func (h *house) upgrade() (Count, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return Ask(ctx, h.pid, func(text string) { h.t.Log(text) })
}

// reader is a connection to the server.
type reader struct {
	conn net.Conn
	in   *bufio.Reader
	n    int
}

func dial(addr string) (*reader, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &reader{conn: conn, in: bufio.NewReader(conn)}, nil
}

// readers returns n readers, of which the server knows.
func (h *house) readers(n int) []*reader {
	h.t.Helper()
	all := make([]*reader, n)
	for i := range all {
		r, err := dial(h.addr)
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { r.conn.Close() })
		if err := r.say("hello"); err != nil {
			h.t.Fatal(err)
		}
		all[i] = r
	}
	return all
}

// say sends a line, and checks that the server has counted all lines once.
func (r *reader) say(text string) error {
	if _, err := fmt.Fprintln(r.conn, text); err != nil {
		return err
	}
	return r.hear(text)
}

func (r *reader) hear(text string) error {
	line, err := r.in.ReadString('\n')
	if err != nil {
		return err
	}
	r.n++
	if want := fmt.Sprintf("%d %s\n", r.n, text); line != want {
		return fmt.Errorf("got %q, want %q", line, want)
	}
	return nil
}

// chat has each reader talk until stop is called, which returns their errors.
func chat(readers []*reader) (stop func() []error) {
	end := make(chan struct{})
	errs := make([]error, len(readers))
	var all sync.WaitGroup
	for i, r := range readers {
		all.Go(func() {
			for errs[i] == nil {
				select {
				case <-end:
					return
				default:
					errs[i] = r.say("chat")
				}
			}
		})
	}
	return func() []error {
		close(end)
		all.Wait()
		return errs
	}
}

// knock connects again and again until stop is called. It returns the errors that are not of a connection that a killed process
// had already accepted, and those that are.
func (h *house) knock() (stop func() (refused, reset []error)) {
	end, addr := make(chan struct{}), h.addr
	var refused, reset []error
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
			}
			r, err := dial(addr)
			if err != nil {
				refused = append(refused, err)
				continue
			}
			if err := r.say("knock"); err != nil {
				reset = append(reset, err)
			}
			_ = r.conn.(*net.TCPConn).SetLinger(0) // so many connections would use up the ports
			r.conn.Close()
		}
	})
	return func() (_, _ []error) {
		close(end)
		all.Wait()
		return refused, reset
	}
}

// count returns how many errors are nil.
func count(errs []error) (none int) {
	for _, err := range errs {
		if err == nil {
			none++
		}
	}
	return none
}
