//go:build unix

package app

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// A signal that comes while the app starts stops it in good order.
func TestSignalDuringStart(t *testing.T) {
	caught := make(chan os.Signal, 1) // the test's process must not die of the signal
	signal.Notify(caught, syscall.SIGTERM)
	defer signal.Stop(caught)
	stopped := false
	ran := make(chan error, 1)
	go func() {
		ran <- Run(memory.Module, polling.Module, fx.Supply(&Input{YAML: []byte("log: {level: error}"), Env: []string{},
			Flags: map[string]string{"server.addr": "127.0.0.1:0", "server.token": "s3cret"}}),
			fx.Invoke(func(lc fx.Lifecycle, _ *Server) {
				lc.Append(fx.StartStopHook(func() error {
					err := syscall.Kill(os.Getpid(), syscall.SIGTERM)
					<-caught
					return err
				}, func() { stopped = true }))
			}))
	}()
	select {
	case err := <-ran:
		if err != nil || !stopped {
			t.Errorf("Run: %v; stopped: %v", err, stopped)
		}
	case <-time.After(time.Minute):
		t.Fatal("the signal was lost")
	}
}
