package app

import (
	"context"
	"errors"

	"go.uber.org/fx"
)

// errInterrupted is the error of a start that was interrupted. fx adds the errors of what could not be stopped after it.
var errInterrupted = errors.New("the start was interrupted")

// interruptible ends the start of the hooks that are appended to it when interrupted ends. The context of fx.App.Start is not
// for that: when it ends, Start returns at once, though a hook is still running, and that hook is never stopped.
type interruptible struct {
	fx.Lifecycle
	interrupted context.Context
}

func (l interruptible) Append(hook fx.Hook) {
	if start := hook.OnStart; start != nil {
		hook.OnStart = func(ctx context.Context) error {
			if l.interrupted.Err() != nil {
				return errInterrupted
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(l.interrupted, cancel)()
			err := start(ctx)
			if l.interrupted.Err() != nil && errors.Is(err, context.Canceled) {
				return errInterrupted
			}
			return err
		}
	}
	l.Lifecycle.Append(hook)
}
