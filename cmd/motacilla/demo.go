package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/spf13/cobra"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

func demoCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a live page that moves, with nothing to set up",
		Long: `Run a server in memory, on whose channel "demo" a football match is told: open the page and watch.
Nothing is stored; it ends with Ctrl-C. The environment's settings count but for the store, so

    MOTACILLA_PUBLISHERS=interval-polling motacilla demo

shows the same page over another transport.`,
		Example: `  motacilla demo
  motacilla demo --addr 127.0.0.1:8081`,
		Args:        known,
		Annotations: map[string]string{textual: "true"},
		RunE:        does(func(cmd *cobra.Command, _ []string) error { return demo(addr, cmd.OutOrStdout()) }),
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "`HOST:PORT` to listen on")
	return cmd
}

func demo(addr string, out io.Writer) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return misused(fmt.Errorf("--addr %s: must be host:port, such as 127.0.0.1:8081", addr))
	}
	in := &app.Input{
		YAML: []byte("log: {level: warn}"), Env: demoEnv(os.Environ()),
		Flags: map[string]string{"storage.type": "memory", "server.addr": addr},
	}
	err := app.Run(standard.Module, fx.Supply(in), fx.Invoke(playOn), fx.Invoke(
		func(lc fx.Lifecycle, s *app.Server) {
			lc.Append(fx.StartHook(func() { welcome(out, s.Addr()) }))
		}))
	if err != nil && strings.Contains(err.Error(), "listen on") {
		return fmt.Errorf("%w; with demo that is --addr, as in: motacilla demo --addr 127.0.0.1:8081", err)
	}
	return err
}

// demoEnv leaves out what chooses a store: the demo's is in memory.
func demoEnv(env []string) []string {
	kept := []string{}
	for _, kv := range env {
		if !strings.HasPrefix(kv, "MOTACILLA_STORAGE_") && !strings.HasPrefix(kv, "MOTACILLA_CONFIG=") {
			kept = append(kept, kv)
		}
	}
	return kept
}

func welcome(out io.Writer, addr net.Addr) {
	base := baseURL(addr)
	flag := ""
	if base != defaultServer {
		flag = " --server " + base
	}
	fmt.Fprintf(out, `
Motacilla is running. Open this page, and watch a match being told:

    %s/channels/demo

All channels:  %s/
Join in:       motacilla post add demo "Hello!" --token TOKEN%s
Follow here:   motacilla tail demo%s

Ctrl-C ends it.
`, base, base, flag, flag)
}

// baseURL is where a browser on this machine reaches the address.
func baseURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "http://" + addr.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(tcp.Port))
}

// playOn tells matches for as long as the app runs.
func playOn(lc fx.Lifecycle, store storage.Store, _ *app.Server, log *zap.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	var playing sync.WaitGroup
	lc.Append(fx.StartStopHook(
		func(start context.Context) error {
			m := &match{store: store}
			if err := m.open(start); err != nil {
				return fmt.Errorf("open the demo's channel: %w", err)
			}
			playing.Go(func() {
				if err := m.play(ctx); err != nil && ctx.Err() == nil {
					log.Error("the demo's match was broken off", zap.Error(err))
				}
			})
			return nil
		},
		func() {
			cancel()
			playing.Wait()
		},
	))
}
