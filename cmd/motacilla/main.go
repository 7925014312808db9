// Command motacilla serves live pages, and writes to and follows a server that does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// failed is an error of a command that was called rightly; any other is one of usage.
type failed struct{ error }

func (f failed) Unwrap() error { return f.error }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "motacilla: %v\n", err)
	if errors.As(err, &failed{}) {
		return exitFailure
	}
	fmt.Fprintf(stderr, "See %s --help.\n", cmd.CommandPath())
	return exitUsage
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "motacilla",
		Short: "Pages that update while people read them",
		Long: `Motacilla serves live pages: live blogs, scores, election nights, incident pages.
Posts that are written to a channel appear at once on every page that shows it.

To see one move, run "motacilla demo" and open the page that it names.
To begin in earnest, run "motacilla serve", then

    motacilla channel create match-42 --title "Cup final"
    motacilla post add match-42 "Kick-off!"`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), demoCommand(), channelCommand(), postCommand(), tailCommand(), versionCommand())
	return root
}

// does makes a command's errors failures.
func does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return failed{err}
		}
		return nil
	}
}

// interruptible ends with SIGINT or SIGTERM.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			return printed(fmt.Fprintln(cmd.OutOrStdout(), "motacilla "+version()))
		}),
	}
}

// version is the module's, else the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v + " " + info.GoVersion
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "(devel, " + s.Value + ") " + info.GoVersion
		}
	}
	return "(devel) " + info.GoVersion
}
