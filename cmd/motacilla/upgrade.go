package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla/internal/handover"
	"github.com/spf13/cobra"
)

func upgradeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upgrade [PID]",
		Short: "Replace a running server by a new process, unnoticed by readers",
		Long: `Replace a running server on this machine by a new process of its program: after the program or the configuration file
has changed. PID is the server's process. Without it, the only server of this user is meant.

The new process starts with the arguments and the environment of the old one. When it is ready, it gets the listeners, and
each connection with all that belongs to it: no connection closes, and no reader misses or repeats an update. Requests
under way are answered by the old process, which then ends. If the new process does not become ready within a minute, the
old one goes on as if nothing had happened.

Streams over HTTP/2 and TLS 1.2 are ended as in a restart: these readers come back by themselves. A server whose store is
in memory can't be upgraded. The upgrade needs Linux, and the user of the server or root.

SIGUSR2 does the same. Under systemd, "systemctl reload motacilla" does it, with the unit in deploy/.`,
		Example: `  motacilla upgrade
  motacilla upgrade 4711
  motacilla upgrade --output json`,
		Args: arguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return pids(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		pid, err := serverPID(args)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		done, err := handover.Ask(ctx, pid, func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) })
		if err != nil {
			return err
		}
		if asJSON(cmd) {
			return printValue(cmd.OutOrStdout(), done)
		}
		text := fmt.Sprintf("upgraded: the server is process %d now", done.PID)
		if done.Refused > 0 {
			text += fmt.Sprintf("; %s could not move and must connect again", count(int64(done.Refused), "reader"))
		}
		return printed(fmt.Fprintln(cmd.OutOrStdout(), text))
	})
	return cmd
}

// serverPID returns the process of the argument, or else of the only server.
func serverPID(args []string) (int, error) {
	if len(args) > 0 {
		pid, err := strconv.Atoi(args[0])
		if err != nil || pid <= 0 {
			return 0, fmt.Errorf("PID is %q, expected the number of a process", args[0])
		}
		return pid, nil
	}
	all, err := handover.Servers()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return 0, errors.New("servers are upgraded in place on Linux only: stop the server, and start the new one")
	case err != nil:
		return 0, err
	case len(all) == 0:
		return 0, errors.New("no server runs here; it has to be on this machine, and in the same container")
	case len(all) > 1:
		return 0, fmt.Errorf("several servers run here: name one of %s", strings.Join(pids(), ", "))
	}
	return all[0], nil
}

// pids returns the processes of the servers that run here.
func pids() []string {
	all, _ := handover.Servers() // without them there is nothing to choose from
	texts := make([]string, len(all))
	for i, pid := range all {
		texts[i] = strconv.Itoa(pid)
	}
	return texts
}
