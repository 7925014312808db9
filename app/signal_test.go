//go:build unix

package app

import (
	"context"
	"errors"
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
	for name, test := range map[string]struct {
		after func(context.Context) error // what the hook does after the signal
		stop  []string
		fails error // of stopping the first
	}{
		"the hook ends well":         {func(context.Context) error { return nil }, []string{"second", "first"}, nil},
		"the hook waits for its end": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, []string{"first"}, nil},
		"a part can't be stopped":    {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, []string{"first"}, errors.New("not closed")},
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
						lc.Append(fx.StartStopHook(func() {}, func() error {
							stopped = append(stopped, "first")
							return test.fails
						}))
						lc.Append(fx.StartStopHook(func(ctx context.Context) error {
							if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
								return err
							}
							<-caught
							return test.after(ctx)
						}, func() { stopped = append(stopped, "second") }))
					}))
			}()
			select {
			case err := <-ran:
				if !errors.Is(err, test.fails) || !slices.Equal(stopped, test.stop) {
					t.Errorf("Run: %v; stopped: %q, want %q", err, stopped, test.stop)
				}
			case <-time.After(time.Minute):
				t.Fatal("the signal was lost")
			}
		})
	}
}
