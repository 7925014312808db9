package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

func demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a live page that moves, with nothing to set up",
		Long: `Run a server in memory that tells a football match on its channel "demo". Open the page and watch.
Nothing is stored. Ctrl-C ends it.

The flags and the environment are those of "motacilla serve", except for the store's. No configuration file is read, and
log.level is warn unless it is given.`,
		Example: `  motacilla demo
  motacilla demo --server.addr 127.0.0.1:8081
  motacilla demo --publishers interval-polling`,
		Args:        known,
		Annotations: map[string]string{textual: "true"},
	}
	input := configured(cmd)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = f.Hidden || !inDemo(f.Name) })
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		in, err := input()
		if err != nil {
			return err
		}
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if !inDemo(f.Name) {
				err = misused(fmt.Errorf("--%s: the demo keeps everything in memory and reads no file; use \"motacilla serve\"", f.Name))
			}
		})
		if err != nil {
			return err
		}
		return demo(in, cmd.OutOrStdout())
	})
	return cmd
}

// inDemo reports whether the demo takes serve's flag of that name.
func inDemo(flag string) bool { return flag != "config" && !strings.HasPrefix(flag, "storage.") }

func demo(in app.Input, out io.Writer) error {
	in.YAML, in.Env = []byte("log: {level: warn}"), demoEnv(os.Environ())
	in.Flags["storage.type"], in.Flags["media.type"] = "memory", "memory"
	return app.Run(standard.Module, fx.Supply(&in), fx.Invoke(playOn), fx.Invoke(
		func(lc fx.Lifecycle, c *app.Config, s *app.Server, t *app.Token) {
			token := "TOKEN" // a token from the configuration is not printed
			if c.Server.Token == "" {
				token = t.Secret
			}
			lc.Append(fx.StartHook(func() { welcome(out, s.Addr(), token) }))
		}))
}

// demoEnv leaves out what chooses a store or a configuration file.
func demoEnv(env []string) []string {
	kept := []string{}
	for _, kv := range env {
		if !strings.HasPrefix(kv, "MOTACILLA_STORAGE_") && !strings.HasPrefix(kv, "MOTACILLA_CONFIG=") {
			kept = append(kept, kv)
		}
	}
	return kept
}

func welcome(out io.Writer, addr net.Addr, token string) {
	info, _ := debug.ReadBuildInfo()
	base, name := baseURL(addr), programName(os.Args[0], info)
	flag := ""
	if base != defaultServer {
		flag = " --server " + base
	}
	fmt.Fprintf(out, `
Motacilla is running. Open this page to follow a match:

    %s/channels/demo

All channels:       %s/
Write a post:       %s post add demo "Hello" --token %s%s
Follow it here:     %s tail demo%s

Ctrl-C ends the demo.
`, base, base, name, token, flag, name, flag)
}

// ran matches where "go run" puts a program: in a folder of its own, or in the build cache.
var ran = regexp.MustCompile(`[/\\](go-build\d+[/\\]b\d+[/\\]exe|[0-9a-f]{64}-d)[/\\][^/\\]+$`)

// programName returns what one types in a shell to run this program again. path is how it was started; info may be nil.
func programName(path string, info *debug.BuildInfo) string {
	switch {
	case info != nil && ran.MatchString(path):
		_, within, _ := strings.Cut(info.Path, "/cmd/")
		if _, err := os.Stat(filepath.Join("cmd", within)); err == nil && within != "" {
			return "go run ./cmd/" + within
		}
		if v := info.Main.Version; v != "" && v != "(devel)" {
			return "go run " + info.Path + "@" + v
		}
		return "go run " + info.Path
	case strings.ContainsAny(path, " '\"$&();"):
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// baseURL returns the URL by which a browser on this machine reaches addr.
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

// playOn plays matches while the app runs.
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
					log.Error("the demo's match has stopped", zap.Error(err))
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
