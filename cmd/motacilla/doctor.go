package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/doctor"
	"github.com/spf13/cobra"
)

func doctorCommand() *cobra.Command {
	o := &doctor.Options{}
	var channel string
	cmd := &cobra.Command{
		Use:   "doctor [URL]",
		Short: "Check a running server, and the proxies before it",
		Long: `Check a running server as its readers reach it. Give the URL that readers use, so that the proxies before the server
are checked too. For each check it prints what it saw and what to change, and for nginx the lines to change. It checks
for requests that are cut off while they are held, streams that are held back or compressed, WebSockets that do not open,
answers that a cache keeps or whose ETag or Cache-Control was changed, other origins, the clock, URLs that browsers
refuse, and pages that should not be public.

It only reads. It needs no token for a public channel: --channel, or the first that is listed. It takes about half a
minute, since it waits for held requests and heartbeats; --fast leaves these out. It also prints what it did not test.

The exit code is 1 if a check failed, and 0 if there are only warnings.`,
		Example: `  motacilla doctor https://live.example.org
  motacilla doctor https://live.example.org --origin https://www.example.org --fast
  motacilla doctor --output json | jq '.checks[] | select(.status != "ok")'`,
		Args: arguments,
	}
	r := remoteFlags(cmd)
	cmd.Flags().StringVar(&channel, "channel", "", "`CHANNEL` to read; without it, the first public one that is listed")
	cmd.Flags().StringVar(&o.Origin, "origin", "", "other `ORIGIN` whose scripts should be able to read, such as https://www.example.org")
	cmd.Flags().BoolVar(&o.Fast, "fast", false, "leave out what takes long")
	must(cmd.RegisterFlagCompletionFunc("channel",
		func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				r.server = args[0]
			}
			return r.channelIDs(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
		}))
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		ctx, stop := interruptible(cmd)
		defer stop()
		base, err := r.examined(args)
		if err != nil {
			return err
		}
		if err := checkDoctor(channel, o); err != nil {
			return err
		}
		o.Channel, o.Token = motacilla.ChannelID(channel), r.token
		o.Progress = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) }
		report, err := doctor.Run(ctx, base, o)
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case err != nil:
			return r.unreachable(err)
		}
		if err := printReport(cmd, report); err != nil {
			return err
		}
		if n := report.Count(doctor.Failure); n > 0 {
			return fmt.Errorf("%d of %d checks failed", n, len(report.Checks))
		}
		return nil
	})
	return cmd
}

// examined returns the URL that the argument gives, or else that of the server that other commands talk to. Only for that
// server it finds the token.
func (r *remote) examined(args []string) (*url.URL, error) {
	if len(args) > 0 {
		r.server, r.from = args[0], "URL"
	} else {
		r.findToken()
	}
	base, err := r.base()
	if _, socket := app.SocketPath(r.server); socket && err == nil {
		return nil, misused(errors.New("the server listens on a Unix socket; give the URL by which readers reach it through the proxy"))
	}
	return base, err
}

func checkDoctor(channel string, o *doctor.Options) error {
	if channel != "" {
		if err := checkChannel(channel); err != nil {
			return misused(fmt.Errorf("--channel: %w", err))
		}
	}
	if o.Origin == "" {
		return nil
	}
	u, err := url.Parse(o.Origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || o.Origin != u.Scheme+"://"+u.Host {
		return misused(fmt.Errorf("--origin %s: must be a scheme and host without a path, such as https://www.example.org",
			o.Origin))
	}
	return nil
}

func printReport(cmd *cobra.Command, report *doctor.Report) error {
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), report)
	}
	out := &output{w: cmd.OutOrStdout()}
	const indent = "            "
	fmt.Fprintf(out, "%s\n\n", report.URL)
	for _, c := range report.Checks {
		fmt.Fprintf(out, "%-10s  %s: %s\n", c.Status, c.Name, oneLine(c.Seen))
		if c.Change != "" {
			fmt.Fprintf(out, "%s-> %s\n", indent, c.Change)
		}
		for line := range strings.Lines(c.Nginx) {
			fmt.Fprintf(out, "%s   %s\n", indent, strings.TrimRight(line, "\n"))
		}
	}
	fmt.Fprintf(out, "\n%d ok, %s, %s, %d not tested\n", report.Count(doctor.OK), count(int64(report.Count(doctor.Warning)), "warning"),
		count(int64(report.Count(doctor.Failure)), "failure"), report.Count(doctor.NotTested))
	return out.err
}
