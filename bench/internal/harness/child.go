//go:build linux

package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/load"
)

// child is another process of this program. It reads and writes lines of JSON.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(ctx context.Context, args ...string) (*child, error) { return startIn(ctx, "", args...) }

// startIn starts a process whose temporary files are in dir. "" is the default folder.
func startIn(ctx context.Context, dir string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %v: %w", args, err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	if dir != "" {
		cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %v: %w", args, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %v: %w", args, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %v: %w", args, err)
	}
	return &child{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

func (c *child) tell(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = c.in.Write(append(line, '\n'))
	return err
}

func (c *child) hear(v any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the process ended: %w", err)
	}
	return json.Unmarshal(line, v)
}

// stop closes the input of the process, which ends it. A process that takes longer than a few seconds is killed.
func (c *child) stop() {
	_ = c.in.Close()
	kill := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait()
	kill.Stop()
}

// client is the process of the load client.
type client struct{ *child }

func startClient(ctx context.Context) (*client, error) {
	c, err := start(ctx, "load")
	if err != nil {
		return nil, err
	}
	return &client{c}, nil
}

func (c *client) do(cmd load.Command) (load.Reply, error) {
	if err := c.tell(cmd); err != nil {
		return load.Reply{}, fmt.Errorf("%s: %w", cmd.Do, err)
	}
	return c.reply(cmd.Do)
}

func (c *client) reply(to string) (load.Reply, error) {
	var r load.Reply
	if err := c.hear(&r); err != nil {
		return r, fmt.Errorf("%s: %w", to, err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// served is a running server.
type served interface {
	ready() server.Ready
	pids() ([]int, error)
	publish(ctx context.Context, seq int, stamp int64) error
	collect() error // garbage, if the server has any
	stop()
}

// local is a server of package server.
type local struct {
	*child
	said server.Ready
}

func startLocal(ctx context.Context, name, profile string) (served, error) {
	return startLocalIn(ctx, "", name, profile)
}

func startLocalIn(ctx context.Context, dir, name, profile string) (*local, error) {
	c, err := startIn(ctx, dir, "serve", name)
	if err != nil {
		return nil, err
	}
	s := &local{child: c}
	if err := c.hear(&s.said); err != nil {
		c.stop()
		return nil, err
	}
	if s.said.Error != "" {
		c.stop()
		return nil, errors.New(s.said.Error)
	}
	if profile != "" {
		if err := c.tell(server.Command{Profile: profile}); err != nil {
			c.stop()
			return nil, err
		}
	}
	return s, nil
}

func (s *local) ready() server.Ready { return s.said }

func (s *local) pids() ([]int, error) { return []int{s.cmd.Process.Pid}, nil }

func (s *local) publish(_ context.Context, seq int, stamp int64) error {
	return s.tell(server.Command{Seq: seq, Stamp: stamp})
}

func (s *local) collect() error {
	if err := s.tell(server.Command{Collect: true}); err != nil {
		return err
	}
	var done server.Ready
	return s.hear(&done)
}
