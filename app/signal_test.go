//go:build unix

package app

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// A signal that comes while the app starts stops what has started, and ends the hook that is running.
func TestSignalDuringStart(t *testing.T) {
	for name, after := range map[string]func(context.Context) error{
		"the hook ends well":         func(context.Context) error { return nil },
		"the hook waits for its end": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			caught := make(chan os.Signal, 1) // the test's process must not die of the signal
			signal.Notify(caught, syscall.SIGTERM)
			defer signal.Stop(caught)
			var stopped []string
			ran := make(chan error, 1)
			go func() {
				ran <- Run(memory.Module, polling.Module, fx.Supply(&Input{YAML: []byte("log: {level: error}"), Env: []string{},
					Flags: map[string]string{"server.addr": "127.0.0.1:0", "server.token": "s3cret"}}),
					fx.Invoke(func(lc fx.Lifecycle, _ *Server) {
						lc.Append(fx.StartStopHook(func() {}, func() { stopped = append(stopped, "first") }))
						lc.Append(fx.StartStopHook(func(ctx context.Context) error {
							if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
								return err
							}
							<-caught
							return after(ctx)
						}, func() { stopped = append(stopped, "second") }))
					}))
			}()
			want := []string{"second", "first"}
			if name == "the hook waits for its end" {
				want = want[1:] // the second has not started
			}
			select {
			case err := <-ran:
				if err != nil || !slices.Equal(stopped, want) {
					t.Errorf("Run: %v; stopped: %q, want %q", err, stopped, want)
				}
			case <-time.After(time.Minute):
				t.Fatal("the signal was lost")
			}
		})
	}
}
