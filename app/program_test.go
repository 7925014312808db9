package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

type nothing struct{}

func (nothing) URLs() []route.Route            { return nil }
func (nothing) Shutdown(context.Context) error { return nil }

type nothingOptions struct {
	Fast    bool          `key:"fast" doc:"a flag"`
	Timeout time.Duration `key:"timeout" doc:"how long"`
}

// TestProgram runs a program that ends as soon as it has started.
func TestProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_LOG_LEVEL", "error")
	t.Setenv("MOTACILLA_SERVER_TOKEN", "s3cret")
	t.Setenv("MOTACILLA_PAGE_NAME", "of the environment")
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("page: {size: 7, name: of the file}\nfeed: {stall: 20s}"), 0o600); err != nil {
		t.Fatal(err)
	}
	given := &Input{YAML: []byte("page: {size: 9}"), Flags: map[string]string{"server.addr": "127.0.0.1:0"}}
	for _, tt := range []struct {
		args   string
		status int
		out    []string
		err    string
		check  func(c *Config) bool
	}{
		{args: "", check: func(c *Config) bool { return c.Page.Size == 9 && c.Page.Name == "of the environment" }},
		{args: "--page.name flag --server.limits.readers=5", check: func(c *Config) bool {
			return c.Page.Name == "flag" && c.Server.Limits.Readers == 5 && c.Page.Size == 9
		}},
		{args: "--config " + file + " --page.name flag", check: func(c *Config) bool {
			return c.Page.Size == 7 && c.Page.Name == "flag" && c.Feed.Stall == 20*time.Second
		}},
		{args: "--publishers nothing --publishers.nothing.fast true", check: func(c *Config) bool {
			return len(c.Publishers) == 1 && c.Publishers[0].Options.(*nothingOptions).Fast
		}},
		{args: "--help", out: []string{
			"--server.addr text ", "--server.origins list ", "--page.size number ", "--page.index true|false ", "--feed.stall duration ",
			"Usage: livesite [flags]", "--config", "--server.addr", `(1 to 500; default "50")`, `(default "127.0.0.1:8080")`, "--server.limits.readers",
			"--publishers.nothing.timeout", `(default "1m")`, "MOTACILLA_SERVER_ADDR",
		}},
		{args: "--print-schema", out: []string{`"$schema": "https://json-schema.org/draft/2020-12/schema"`, `"publishers.nothing"`}},
		{args: "--print-config --page.size 8", out: []string{
			"# yaml-language-server: $schema=motacilla.schema.json\n", "\n  size: 8\n", "\n  type: memory\n", "\n  - type: nothing\n",
			"\n    #timeout: 1m\n",
		}},
		{args: "--print-config --page.size 0", status: 1, err: "page.size: must be 1 to 500 (flag --page.size)"},
		{args: "-h", out: []string{"--server.addr"}},
		{args: "--sever.addr x", status: 2,
			err: "livesite: unknown flag: --sever.addr; did you mean --server.addr?\nSee livesite --help."},
		{args: "-server.addr=x", status: 2, err: "unknown flag: -server.addr; did you mean --server.addr?"},
		{args: "--conf x", status: 2, err: "did you mean --config?"},
		{args: "--page.name", status: 2, err: "flag needs an argument: --page.name"},
		{args: "serve", status: 2, err: `unexpected argument "serve"`},
		{args: "--page.size many", status: 1, err: "page.size: must be a whole number (flag --page.size)"},
		{args: "--publishers pigeon", status: 1, err: "known: nothing"},
		{args: "--config nowhere.yaml", status: 1, err: "nowhere.yaml"},
		{args: "--server.limits.readers -1", status: 1, err: "server.limits.readers: must be 0"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			var config *Config
			started := false
			status := program(append([]string{"/usr/bin/livesite"}, strings.Fields(tt.args)...), &out, &errs,
				memory.Module, fx.Supply(given), publisher.Register("nothing", &nothingOptions{Timeout: time.Minute},
					func(*nothingOptions) nothing { return nothing{} }), fx.Populate(&config), fx.Invoke(func(lc fx.Lifecycle, s fx.Shutdowner, _ storage.Store) {
					lc.Append(fx.StartHook(func() error {
						started = true
						return s.Shutdown()
					}))
				}))
			if status != tt.status || !strings.Contains(errs.String(), tt.err) || tt.err == "" && errs.Len() > 0 {
				t.Errorf("status %d, want %d\n%s", status, tt.status, &errs)
			}
			for _, want := range tt.out {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it does not print %q: %s", want, &out)
				}
			}
			if started != (tt.check != nil) || started && !tt.check(config) {
				t.Errorf("started: %t, with %+v", started, config)
			}
		})
	}
	if given.YAML == nil || len(given.Flags) != 1 {
		t.Errorf("the program's own input was changed: %+v", given)
	}
}
