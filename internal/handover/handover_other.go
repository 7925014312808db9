//go:build !linux

package handover

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
)

// Replace returns errors.ErrUnsupported.
func Replace(context.Context, *exec.Cmd, Server, func(string)) (Count, error) {
	return Count{}, errors.ErrUnsupported
}

// Successor does not exist on this system.
type Successor struct{}

// Inherited returns nil, or errors.ErrUnsupported if the environment says that this process replaces another one.
func Inherited(string) (*Successor, error) {
	if os.Getenv(variable) != "" {
		return nil, errors.ErrUnsupported
	}
	return nil, nil
}

// Listener returns false.
func (*Successor) Listener(string, string) (net.Listener, bool) { return nil, false }

// Mode returns 0.
func (*Successor) Mode(string, string) fs.FileMode { return 0 }

// Ready does nothing.
func (*Successor) Ready() error { return nil }

// Take returns that nothing came.
func (*Successor) Take(context.Context, func(Connection) error) (Count, error) {
	return Count{PID: os.Getpid()}, nil
}

// Close does nothing.
func (*Successor) Close() {}

// Control does not exist on this system.
type Control struct{}

// NewControl returns a Control that does not start.
func NewControl(Upgrade) *Control { return &Control{} }

// Start returns errors.ErrUnsupported.
func (*Control) Start(context.Context) error { return errors.ErrUnsupported }

// Upgrade returns an error.
func (*Control) Upgrade(context.Context, func(string)) (Count, error) {
	return Count{}, errors.ErrUnsupported
}

// Stop does nothing.
func (*Control) Stop() {}

// Ask returns errors.ErrUnsupported.
func Ask(context.Context, int, func(string)) (Count, error) { return Count{}, errors.ErrUnsupported }

// Servers returns errors.ErrUnsupported.
func Servers() ([]int, error) { return nil, errors.ErrUnsupported }
