package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

func auditCommand() *cobra.Command {
	var limit int
	var all bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Print the audit log: what was changed, and what was refused",
		Long: `Print the audit log, the newest event first: which requests changed something, which were refused, and who signed in, each with
who it was and from where. It needs the server's token, or an admin's.

A terminal gets a table that fits its width, with local times. A file or a pipe gets one line for each event, without titles: time
(RFC 3339), account, address, action, channel, status of the answer, and what it was, separated by tabs.`,
		Example: `  motacilla audit
  motacilla audit --limit 500 | grep 203.0.113.7
  motacilla audit --all --output json >audit.json`,
		Args: known,
	}
	r := remoteFlags(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		switch {
		case limit < 1:
			return misused(errors.New("--limit must be 1 or more; --all prints all events"))
		case all && cmd.Flags().Changed("limit"):
			return misused(errors.New("--all and --limit can't be given together"))
		}
		c, err := r.client()
		if err != nil {
			return err
		}
		events := []client.AuditEvent{}
		for after := ""; ; {
			size := client.MaxAuditPage
			if !all {
				size = min(size, limit-len(events))
			}
			page, err := c.AuditPage(cmd.Context(), after, size)
			if err != nil {
				return fmt.Errorf("read the audit log: %w", r.tell(err))
			}
			events, after = append(events, page.Events...), page.Next
			if !all && len(events) >= limit {
				events = events[:limit]
				break
			}
			if after == "" {
				break
			}
		}
		if asJSON(cmd) {
			return printValue(cmd.OutOrStdout(), map[string][]client.AuditEvent{"events": events})
		}
		return printEvents(cmd, events)
	})
	cmd.Flags().IntVar(&limit, "limit", 50, "at most `N` events")
	cmd.Flags().BoolVar(&all, "all", false, "all events")
	return cmd
}

func printEvents(cmd *cobra.Command, events []client.AuditEvent) error {
	person := terminalWidth(cmd.OutOrStdout()) > 0
	t := &table.Table{Columns: []table.Column{
		{Title: "TIME"}, {Title: "WHO", Flexible: true}, {Title: "FROM"}, {Title: "ACTION"}, {Title: "CHANNEL", Flexible: true},
		{Title: "STATUS"}, {Title: "WHAT", Flexible: true},
	}}
	for _, e := range events {
		at, status := motacilla.FormatTime(e.Time), ""
		if person {
			at = shortTime(e.Time, time.Now())
		}
		if e.Status != 0 {
			status = strconv.Itoa(e.Status)
		}
		t.Add(at, cmp.Or(e.Who, "-"), cmp.Or(e.Address, "-"), e.Action, cmp.Or(string(e.Channel), "-"), cmp.Or(status, "-"), eventText(e))
	}
	return printTable(cmd.OutOrStdout(), t)
}

// eventText returns what an event was, in one line.
func eventText(e client.AuditEvent) string {
	parts := []string{}
	if e.Method != "" {
		parts = append(parts, e.Method+" "+e.Path)
	}
	for _, s := range []string{e.Detail, e.Refused} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Count > 1 {
		parts = append(parts, fmt.Sprint(e.Count, " times"))
	}
	return strings.Join(parts, ": ")
}
