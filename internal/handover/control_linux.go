package handover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Control takes requests to upgrade this process from programs on the same machine and in the same network namespace. It
// answers only the user of this process and root.
type Control struct {
	upgrade Upgrade
	busy    atomic.Bool // an upgrade is under way, or has succeeded

	listener net.Listener
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

// NewControl returns a Control that upgrades by upgrade, never twice at once. Start starts it.
func NewControl(upgrade Upgrade) *Control { return &Control{upgrade: upgrade} }

// Start listens at the abstract socket @motacilla/PID, until Stop.
func (c *Control) Start(ctx context.Context) error {
	at := address(os.Getpid())
	var err error
	if c.listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", at); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	serving, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.work.Go(func() { c.accept(serving) })
	return nil
}

// Stop ends Start. An upgrade that is under way is cancelled. Stop waits until its client has the answer, so upgrade must not call
// Stop itself.
func (c *Control) Stop() {
	if c.listener == nil {
		return
	}
	c.cancel()
	_ = c.listener.Close()
	c.work.Wait()
}

func (c *Control) accept(ctx context.Context) {
	const pause = 100 * time.Millisecond // after an error such as too many open files
	for ctx.Err() == nil {
		conn, err := c.listener.Accept()
		if err == nil {
			c.work.Go(func() { c.serve(ctx, conn.(*net.UnixConn)) })
			continue
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (c *Control) serve(ctx context.Context, conn *net.UnixConn) {
	defer func() { _ = conn.Close() }()
	client := &client{conn: conn}
	count, err := c.answer(ctx, client)
	if err != nil {
		client.tell(answer{Error: err.Error()})
		return
	}
	client.tell(answer{Done: &count})
}

func (c *Control) answer(ctx context.Context, client *client) (Count, error) {
	who, err := credentials(client.conn)
	if err != nil {
		return Count{}, err
	}
	if own := os.Geteuid(); who.Uid != 0 && int(who.Uid) != own {
		return Count{}, fmt.Errorf("user %d may not upgrade this server; only user %d and root may", who.Uid, own)
	}
	if err := client.wants(ctx); err != nil {
		return Count{}, err
	}
	return c.Upgrade(ctx, func(text string) { client.tell(answer{Told: text}) })
}

// Upgrade upgrades this process, as a request does.
func (c *Control) Upgrade(ctx context.Context, told func(string)) (Count, error) {
	if !c.busy.CompareAndSwap(false, true) {
		return Count{}, errors.New("another upgrade of this server is under way or has just succeeded")
	}
	count, err := c.upgrade(ctx, told)
	if err != nil {
		c.busy.Store(false)
	}
	return count, err
}

// client is whoever has connected to the control socket.
type client struct {
	conn *net.UnixConn
	lost bool // it takes nothing
}

// wants returns nil if the client asks for an upgrade.
func (c *client) wants(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lineTimeout, fmt.Errorf("there was no request within %v", lineTimeout))
	defer cancel()
	defer cutOff(ctx, c.conn.SetReadDeadline)()
	line, err := bufio.NewReaderSize(c.conn, maxLine).ReadSlice('\n')
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.Cause(ctx)
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("the request has more than %d bytes", maxLine)
	case err != nil:
		return fmt.Errorf("read the request: %w", err)
	}
	var r request
	if json.Unmarshal(bytes.TrimSpace(line), &r) != nil || r.Do != "upgrade" {
		return errors.New(`the request is not understood, expected {"do":"upgrade"}`)
	}
	return nil
}

// tell sends a line. A client that does not take it gets no more, and the upgrade goes on without it.
func (c *client) tell(a answer) {
	line, err := json.Marshal(a)
	if err != nil || c.lost {
		return
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(lineTimeout))
	_, err = c.conn.Write(append(line, '\n'))
	c.lost = err != nil
}

// credentials returns who is at the other end. The kernel says so.
func credentials(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("credentials of a control socket: %w", err)
	}
	var who *unix.Ucred
	var wrong error
	err = raw.Control(func(fd uintptr) { who, wrong = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, wrong); err != nil {
		return nil, fmt.Errorf("credentials of a control socket: %w", err)
	}
	return who, nil
}
