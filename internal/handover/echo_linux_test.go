package handover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// echo is a server that sends each line back, with its number on the connection.
type echo struct {
	ln   *net.TCPListener
	door *net.UnixListener // answers with the PID
	at   func(step string) // what happens at a step of the handover

	accepting, talking sync.WaitGroup

	mu    sync.Mutex
	talks map[*talk]struct{}
}

// talk is one connection. The goroutine that has it ends at a read deadline, and leaves the rest here.
type talk struct {
	conn   *net.TCPConn
	N      int
	Rest   []byte
	Reader bool // it has said hello; only such connections are counted
	over   bool
	done   chan struct{}
}

func (e *echo) Listeners() ([]Listener, error) {
	e.at("listeners")
	return []Listener{
		{Place: Place{"echo", e.ln.Addr().String()}, Socket: e.ln},
		{Place: Place{"door", e.door.Addr().String()}, Socket: e.door},
		{Place: Place{"unwanted", "nowhere"}, Socket: e.ln},
	}, nil
}

func (e *echo) Pause() {
	past := time.Unix(1, 0)
	_, _ = e.ln.SetDeadline(past), e.door.SetDeadline(past)
	e.accepting.Wait()
	e.at("pause")
}

func (e *echo) Resume() {
	_, _ = e.ln.SetDeadline(time.Time{}), e.door.SetDeadline(time.Time{})
	e.accepting.Go(func() {
		for {
			conn, err := e.ln.AcceptTCP()
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				e.talk(&talk{conn: conn})
			}
		}
	})
	e.accepting.Go(func() {
		for {
			conn, err := e.door.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(conn, os.Getpid())
			conn.Close()
		}
	})
}

func (e *echo) HandOver(ctx context.Context, give func(Connection) error) error {
	e.at("hand over")
	if os.Getenv(slowKey) != "" {
		<-ctx.Done()
	}
	e.mu.Lock()
	var all []*talk
	for t := range e.talks {
		all = append(all, t)
	}
	e.mu.Unlock()
	given := 0
	for _, t := range all {
		_ = t.conn.SetReadDeadline(time.Unix(1, 0))
		<-t.done
		if t.over {
			continue
		}
		state, err := json.Marshal(t)
		if err == nil {
			err = give(Connection{Of{"echo", state}, t.conn})
		}
		if err != nil {
			say("given %d", given)
			e.talk(t)
			return err
		}
		_ = t.conn.Close()
		e.forget(t)
		if t.Reader {
			given++
			e.at(fmt.Sprintf("given %d", given))
		}
	}
	say("given %d", given)
	e.at("all given")
	return ctx.Err()
}

// take goes on with a connection of the old process.
func (e *echo) take(c Connection) error {
	t := &talk{conn: c.Socket.(*net.TCPConn)}
	if err := json.Unmarshal(c.State, t); err != nil || c.Publisher != "echo" {
		return fmt.Errorf("state of %q: %w", c.Publisher, err)
	}
	e.talk(t)
	return nil
}

func (e *echo) talk(t *talk) {
	_ = t.conn.SetReadDeadline(time.Time{})
	t.done = make(chan struct{})
	e.mu.Lock()
	e.talks[t] = struct{}{}
	e.mu.Unlock()
	e.talking.Go(func() {
		defer close(t.done)
		if err := t.run(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.over = true
			_ = t.conn.Close()
			e.forget(t)
		}
	})
}

func (e *echo) forget(t *talk) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.talks, t)
}

func (t *talk) run() error {
	buf := make([]byte, 512)
	for {
		for line, rest, ok := bytes.Cut(t.Rest, []byte("\n")); ok; line, rest, ok = bytes.Cut(t.Rest, []byte("\n")) {
			t.N++
			t.Reader = t.Reader || string(line) == "hello"
			if _, err := fmt.Fprintf(t.conn, "%d %s\n", t.N, line); err != nil {
				return err
			}
			t.Rest = rest
		}
		n, err := t.conn.Read(buf)
		t.Rest = append(bytes.Clone(t.Rest), buf[:n]...)
		if err != nil {
			return err
		}
	}
}

// close ends the server. The connections that it still has are closed.
func (e *echo) close() {
	_, _ = e.ln.Close(), e.door.Close()
	e.accepting.Wait()
	e.mu.Lock()
	for t := range e.talks {
		_ = t.conn.Close()
	}
	e.mu.Unlock()
	e.talking.Wait()
}

// say writes a line for the test.
func say(format string, args ...any) {
	_, _ = os.Stdout.WriteString(fmt.Sprintf(format, args...) + "\n")
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
