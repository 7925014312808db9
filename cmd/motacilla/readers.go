package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

func readersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "readers [CHANNEL]",
		Short: "Print how many readers there are, now and at most",
		Long: `Print how many readers a channel has, or all channels together, on each node and in all, and how many there were at most. It needs
a token of a contributor; without CHANNEL, the server's token or one of an editor of all channels.

A terminal gets a table that fits its width. A file or a pipe gets one line for each node and a last one for all of them ("all"),
without titles: node, readers now, readers at most, and when that was (RFC 3339, or -), separated by tabs.`,
		Example: `  motacilla readers
  motacilla readers match-42 --output json | jq .now`,
		Args: cobra.MaximumNArgs(1),
	}
	r := remoteFlags(cmd)
	cmd.ValidArgsFunction = r.places
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c, err := r.client()
		if err != nil {
			return err
		}
		var got client.Readers
		if len(args) == 0 {
			got, err = c.AllReaders(cmd.Context())
		} else {
			got, err = c.Readers(cmd.Context(), motacilla.ChannelID(args[0]))
		}
		switch {
		case errors.Is(err, motacilla.ErrNotFound) && len(args) > 0:
			return coded{fmt.Errorf("there is no channel %s; motacilla channel list prints them", args[0]), exitNotFound}
		case err != nil:
			return r.tell(err)
		case asJSON(cmd):
			return printValue(cmd.OutOrStdout(), got)
		}
		t := &table.Table{Columns: []table.Column{{Title: "NODE", Flexible: true}, {Title: "NOW"}, {Title: "MOST"}, {Title: "AT"}}}
		for _, n := range got.Nodes {
			t.Add(n.Node, strconv.Itoa(n.Now), "-", "-")
		}
		at := "-"
		if !got.MostAt.IsZero() {
			at = got.MostAt.UTC().Format(time.RFC3339)
		}
		t.Add("all", strconv.Itoa(got.Now), strconv.Itoa(got.Most), at)
		return printTable(cmd.OutOrStdout(), t)
	})
	return cmd
}
