package handover

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// start starts the new process with one end of a pair of sockets. The greeting waits for it there.
func start(ctx context.Context, cmd *exec.Cmd) (*link, error) {
	l, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }() // if only the new process has it, its end closes the link
	if err := l.send(ctx, greeting, hello{Version: version, PID: os.Getpid()}, nil); err != nil {
		l.close()
		return nil, err
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	cmd.Env = append(cmd.Env, variable+"="+strconv.Itoa(2+len(cmd.ExtraFiles)))
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = time.Second
	}
	if err := cmd.Start(); err != nil {
		l.close()
		return nil, fmt.Errorf("start the new process: %w", err)
	}
	return l, nil
}

// end ends the new process, and waits for its end. If it is already about to end, it has a second to say why.
func end(cmd *exec.Cmd, ending bool) {
	var patience time.Duration
	if ending {
		patience = time.Second
	}
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait() // its error is how the process has ended
}
