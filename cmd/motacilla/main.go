// Command motacilla is a server of live pages, and a client of one.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // page.time_zone, also on machines without a database of time zones

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := command(stdin, stdout, stderr)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	code := exitCode(err)
	if err != nil {
		fmt.Fprintf(stderr, "motacilla: %v\n", err)
	}
	if code == exitUsage {
		fmt.Fprintf(stderr, "See %s --help.\n", cmd.CommandPath())
	}
	return code
}

// The groups of commands in the help of the program.
const (
	groupServer = "server"
	groupClient = "client"
)

func command(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "motacilla",
		Short: "Pages that update while people read them",
		Long: `Motacilla serves live pages: live blogs, scores, election nights, incident pages.
A channel is one live page. A post that is written to it appears at once for everybody who has the page open.

To see it, run "motacilla demo" and open the page that it prints.
To start your own, run "motacilla serve", and in another terminal

    motacilla channel create match-42 --title "Cup final"
    motacilla post add match-42 "Kick-off"

` + exitCodes,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddGroup(&cobra.Group{ID: groupServer, Title: "Run a server:"},
		&cobra.Group{ID: groupClient, Title: "Talk to a server:"})
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(explain)
	addOutput(root)
	add(root, groupServer, serveCommand(), demoCommand(), initCommand(), configCommand(), upgradeCommand(), backupCommand(), storageCommand(),
		webhookCommand(), lettersCommand())
	add(root, groupClient, channelCommand(), postCommand(), draftCommand(), tailCommand(), doctorCommand(), personCommand(), tokenCommand(),
		auditCommand(), readersCommand())
	root.AddCommand(versionCommand())
	addCompletion(root)
	return root
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// does turns a command's errors into failures, unless they have an exit code of their own.
func does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return failed{err}
		}
		return nil
	}
}

// interruptible returns a context that ends with SIGINT or SIGTERM.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the program's version, and the version of Go that built it.",
		Example: "  motacilla version",
		Args:    known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			version, toolchain := version()
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string]string{"version": version, "go": toolchain})
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), "motacilla", version, toolchain))
		}),
	}
}

// version returns the module's version, or else the revision that it was built from, and the version of Go.
func version() (version, toolchain string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)", ""
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v, info.GoVersion
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "(devel, " + s.Value + ")", info.GoVersion
		}
	}
	return "(devel)", info.GoVersion
}
