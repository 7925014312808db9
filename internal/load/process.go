//go:build linux

package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/motacilla-live/motacilla/internal/process"

	"os"
)

// Command is a command to a client in its own process: a line of JSON.
type Command struct {
	Do      string        `json:"do"` // "connect" (with Spec), "await" (with Seq), "report"
	Spec    *Spec         `json:"spec,omitempty"`
	Seq     int           `json:"seq,omitempty"`
	Timeout time.Duration `json:"timeout_ns,omitempty"`
}

// Reply is the answer to a command. An await has two: the client waits, and the client has everything.
type Reply struct {
	Error   string        `json:"error,omitempty"`
	Waiting bool          `json:"waiting,omitempty"`
	Took    time.Duration `json:"took_ns,omitempty"` // of connect
	CPU     time.Duration `json:"cpu_ns,omitempty"`  // of the client so far
	Report  *Report       `json:"report,omitempty"`
}

// Run carries out the commands of in until it ends.
func Run(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // nothing is allocated in its loop
	var c *Client
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	replies := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var cmd Command
		if err := json.Unmarshal(lines.Bytes(), &cmd); err != nil {
			return fmt.Errorf("load: command: %w", err)
		}
		var reply Reply
		var err error
		switch {
		case cmd.Do == "connect" && cmd.Spec != nil && c == nil:
			began := time.Now()
			if c, err = New(*cmd.Spec); err == nil {
				err = connect(c, cmd.Timeout)
			}
			reply.Took = time.Since(began)
		case cmd.Do == "await" && c != nil:
			if err := replies.Encode(Reply{Waiting: true}); err != nil {
				return fmt.Errorf("load: reply: %w", err)
			}
			err = c.Await(cmd.Seq, cmd.Timeout)
		case cmd.Do == "report" && c != nil:
			report := c.Report()
			reply.Report = &report
			reply.CPU, err = process.Group{os.Getpid()}.CPU()
		default:
			err = errors.New("no such command, or not now")
		}
		if err != nil {
			reply.Error = err.Error()
		}
		if err := replies.Encode(reply); err != nil {
			return fmt.Errorf("load: reply: %w", err)
		}
	}
	return lines.Err()
}

// connect connects. Handshakes leave garbage behind, which is collected before deliveries are measured.
func connect(c *Client, timeout time.Duration) error {
	if c.spec.TLS {
		debug.SetGCPercent(100)
		defer func() {
			debug.FreeOSMemory()
			debug.SetGCPercent(-1)
		}()
	}
	return c.Connect(timeout)
}
