package app

import (
	"context"

	"go.uber.org/fx"
)

// interruptible ends the start of the hooks that are appended to it when interrupted ends. The context of fx.App.Start is not
// for that: when it ends, Start returns at once, though a hook is still running, and that hook is never stopped.
type interruptible struct {
	fx.Lifecycle
	interrupted context.Context
}

func (l interruptible) Append(hook fx.Hook) {
	if start := hook.OnStart; start != nil {
		hook.OnStart = func(ctx context.Context) error {
			if err := l.interrupted.Err(); err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(l.interrupted, cancel)()
			return start(ctx)
		}
	}
	l.Lifecycle.Append(hook)
}
