package handover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Replace starts cmd as the successor of this process and hands the sockets of server over to it. It calls told with what
// happens, in sentences for whoever runs the server. If it returns nil, the new process serves, and this one must end. If it
// returns an error, the new process has ended, and this one goes on.
//
// cmd must run the server itself, and not a program that starts it. It must not be of exec.CommandContext, which would kill the
// new process later. Its input and output must be nil or files.
func Replace(ctx context.Context, cmd *exec.Cmd, server Server, told func(string)) (Count, error) {
	return replace(ctx, cmd, server, told, standard())
}

func replace(ctx context.Context, cmd *exec.Cmd, server Server, told func(string), within limits) (Count, error) {
	if cmd.Cancel != nil {
		return Count{}, errors.New("hand over: the command has a context, expected one without")
	}
	if os.Getpid() == 1 {
		return Count{}, errors.New("hand over: this process has the PID 1, so all others end with it; start the container with an init process")
	}
	l, err := start(ctx, cmd)
	if err != nil {
		return Count{}, fmt.Errorf("hand over: %w", err)
	}
	defer l.close() // after the new process has been killed: it takes a closed link for the end of this process
	told(fmt.Sprintf("The new process has the PID %d.", cmd.Process.Pid))
	r := &replacement{link: l, pid: cmd.Process.Pid, server: server, told: told, limits: within}
	count, err := r.run(ctx)
	if err == nil {
		_ = cmd.Process.Release()
		return count, nil
	}
	r.giveUp()
	end(cmd, errors.Is(err, errGone))
	if r.paused {
		server.Resume()
	}
	if errors.Is(err, errGone) {
		return Count{}, fmt.Errorf("hand over: %w: %v", err, cmd.ProcessState)
	}
	return Count{}, fmt.Errorf("hand over: %w", err)
}

// replacement is the old process's side of one handover.
type replacement struct {
	link   *link
	pid    int
	server Server
	told   func(string)
	limits limits
	paused bool
}

// giveUp tells the new process to end. That is killed too, but it may be a child of the command, which lives on. It must not take
// a later end of this process for one in the middle of the handover, and serve.
func (r *replacement) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.link.send(ctx, failed, nil, nil) // it has ended, or is about to be killed
}

func (r *replacement) run(ctx context.Context) (Count, error) {
	if err := r.prepare(ctx); err != nil {
		return Count{}, err
	}
	r.told("The new process is ready.")
	r.server.Pause()
	r.paused = true
	if err := r.send(ctx, paused, nil, nil); err != nil {
		return Count{}, err
	}
	if _, err := r.receive(ctx, listening); err != nil {
		return Count{}, err
	}
	r.told("The new process accepts connections.")
	p, err := r.handOver(ctx)
	if err != nil {
		return Count{}, err
	}
	var count Count
	err = p.into(&count)
	return count, err
}

// prepare returns when the new process is ready. Until then this process serves as ever.
func (r *replacement) prepare(ctx context.Context) error {
	starting, cancel := context.WithTimeoutCause(ctx, r.limits.ready, fmt.Errorf("the new process was not ready within %v", r.limits.ready))
	defer cancel()
	p, err := r.link.receive(starting, greeting)
	if err != nil {
		return err
	}
	var h hello
	if err := p.into(&h); err != nil {
		return err
	}
	if err := r.check(h); err != nil {
		return err
	}
	all, err := r.server.Listeners()
	if err != nil {
		return fmt.Errorf("listeners: %w", err)
	}
	for _, ln := range all {
		if err := r.send(ctx, listener, offer{ln.Place, ln.Mode}, ln.Socket); err != nil {
			return fmt.Errorf("listener %s at %s: %w", ln.Name, ln.Address, err)
		}
	}
	if err := r.send(ctx, listeners, nil, nil); err != nil {
		return err
	}
	_, err = r.link.receive(starting, ready)
	return err
}

func (r *replacement) check(h hello) error {
	if err := h.speaks(version); err != nil {
		return fmt.Errorf("the new process (build %q): %w", h.Build, err)
	}
	if h.PID != r.pid {
		return fmt.Errorf("the new server has the PID %d, expected %d: the command must run the server itself", h.PID, r.pid)
	}
	return nil
}

func (r *replacement) send(ctx context.Context, k kind, state any, file syscall.Conn) error {
	step, cancel := r.limits.stepContext(ctx)
	defer cancel()
	return r.link.send(step, k, state, file)
}

func (r *replacement) receive(ctx context.Context, k kind) (parcel, error) {
	step, cancel := r.limits.stepContext(ctx)
	defer cancel()
	return r.link.receive(step, k)
}
