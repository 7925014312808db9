//go:build unix

package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// onSignal upgrades when the process gets SIGUSR2.
func (u *upgrader) onSignal(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	u.work.Go(func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
				_, _ = u.control.Upgrade(ctx, func(string) {}) // the log has what happens
			case <-ctx.Done():
				return
			}
		}
	})
}
