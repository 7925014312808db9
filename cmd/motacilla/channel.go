package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

func channelCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "channel",
		Short: "Create, list, change and delete channels",
		Long:  `Create, list, change and delete channels. A channel is one live page with its posts.`,
		Example: `  motacilla channel create match-42 --title "Cup final"
  motacilla channel list
  motacilla channel end match-42`,
	})
	r := remoteFlags(cmd)
	cmd.AddCommand(channelCreate(r), channelList(r), channelShow(r), channelEdit(r), channelEnd(r), channelReopen(r),
		channelDelete(r))
	return cmd
}

// channelPage is the list of channels in JSON.
type channelPage struct {
	Channels []client.Channel `json:"channels"`
	Next     *string          `json:"next"` // null
}

func stateOf(c client.Channel) string {
	if !c.Ended.IsZero() {
		return "ended"
	}
	return "live"
}

func channelCreate(r *remote) *cobra.Command {
	var title string
	access := accessFlag()
	cmd := &cobra.Command{
		Use:   "create CHANNEL",
		Short: "Create a channel, and print the address of its page",
		Long: `Create a channel, and print the address of its page. CHANNEL is its ID: 1 to 255 of A-Z a-z 0-9 - . _ ~ : @ +.
Everybody may read a public channel. A private one can be read only with the token.`,
		Example: `  motacilla channel create match-42 --title "Cup final"
  motacilla channel create staff --access private`,
		Args: arguments,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			made, err := c.CreateChannel(cmd.Context(), client.NewChannel{
				ID: motacilla.ChannelID(args[0]), Title: title, Access: motacilla.Access(access.value),
			})
			if errors.Is(err, motacilla.ErrExists) {
				return fmt.Errorf("the channel %s exists already", args[0])
			}
			if err != nil {
				return fmt.Errorf("create channel %s: %w", args[0], r.tell(err))
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), made)
			}
			page, err := r.page(made.ID)
			if err != nil {
				return err
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), page))
		}),
	}
	cmd.Flags().StringVar(&title, "title", "", "`TITLE` of the page")
	addAccess(cmd, access, " (default public)")
	return cmd
}

func accessFlag() *choice {
	return &choice{"", []string{string(motacilla.Public), string(motacilla.Private)}}
}

func addAccess(cmd *cobra.Command, access *choice, without string) {
	cmd.Flags().Var(access, "access", "who may read: everybody, or only whoever has the token"+without)
	must(cmd.RegisterFlagCompletionFunc("access", words(access.known...)))
}

func channelList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the channels",
		Long: `List the channels, by ID. With a token, private ones are listed too.

A terminal gets a table that fits its width. A file or a pipe gets one line for each channel, without titles: ID,
access, state (live or ended) and title, separated by tabs.`,
		Example: `  motacilla channel list
  motacilla channel list | cut -f1
  motacilla channel list --output json | jq -r '.channels[] | select(.ended == null) | .id'`,
		Args: known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			all := channelPage{Channels: []client.Channel{}}
			for ch, err := range c.Channels(cmd.Context()) {
				if err != nil {
					return fmt.Errorf("list channels: %w", r.tell(err))
				}
				all.Channels = append(all.Channels, ch)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), all)
			}
			t := &table.Table{Columns: []table.Column{
				{Title: "CHANNEL"}, {Title: "ACCESS"}, {Title: "STATE"}, {Title: "TITLE", Flexible: true},
			}}
			for _, ch := range all.Channels {
				t.Add(string(ch.ID), string(ch.Access), stateOf(ch), ch.Title)
			}
			return printTable(cmd.OutOrStdout(), t)
		}),
	}
}

func channelShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:               "show CHANNEL",
		Short:             "Print a channel",
		Long:              "Print a channel's title, access, state and newest revision, and the address of its page.",
		Example:           "  motacilla channel show match-42",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			_, c, err := r.channel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), c)
			}
			page, err := r.page(c.ID)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintf(w, "Channel\t%s\nTitle\t%s\nAccess\t%s\nState\t%s\n", c.ID, oneLine(c.Title), c.Access, stateOf(c))
			fmt.Fprintf(w, "Created\t%s\n", localTime(c.Created))
			if !c.Ended.IsZero() {
				fmt.Fprintf(w, "Ended\t%s\n", localTime(c.Ended))
			}
			fmt.Fprintf(w, "Revision\t%d\nPage\t%s\n", c.Revision, page)
			return printed(0, w.Flush())
		}),
	}
}

// channel reads a channel from the server. It returns the client too.
func (r *remote) channel(ctx context.Context, id string) (*client.Client, client.Channel, error) {
	c, err := r.client()
	if err != nil {
		return nil, client.Channel{}, err
	}
	ch, err := c.Channel(ctx, motacilla.ChannelID(id))
	if err != nil {
		return nil, client.Channel{}, r.onChannel("show channel "+id, err, id)
	}
	return c, ch, nil
}

// localTime returns a time of the server for people.
func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }
