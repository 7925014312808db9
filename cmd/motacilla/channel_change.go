package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/spf13/cobra"
)

func channelEdit(r *remote) *cobra.Command {
	var title string
	access := accessFlag()
	cmd := &cobra.Command{
		Use:   "edit CHANNEL",
		Short: "Change a channel's title or access",
		Long: `Change a channel's title or access. What no flag gives stays as it is. Readers see a new title at once.
If a channel becomes private, the streams of readers without the token end.`,
		Example: `  motacilla channel edit match-42 --title "Cup final, after extra time"
  motacilla channel edit match-42 --access private`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			change := client.ChannelChange{Title: given(cmd, "title", &title), Access: motacilla.Access(access.value)}
			if change == (client.ChannelChange{}) {
				return misused(errors.New("nothing to change: give --title or --access"))
			}
			return r.changeChannel(cmd, args[0], change)
		}),
	}
	cmd.Flags().StringVar(&title, "title", "", "`TITLE` of the page")
	addAccess(cmd, access, "")
	return cmd
}

// changeChannel changes a channel, and prints it if the output is JSON.
func (r *remote) changeChannel(cmd *cobra.Command, channel string, change client.ChannelChange) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	changed, err := c.ChangeChannel(cmd.Context(), motacilla.ChannelID(channel), change)
	if err != nil {
		return r.onChannel(cmd.Name()+" channel "+channel, err, channel)
	}
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), changed)
	}
	return nil
}

func channelEnd(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "end CHANNEL",
		Short: "End a channel; its page stays, and says that it has ended",
		Long: `End a channel. Its page stays, and says that it has ended. Posts can still be written and changed.
A channel that has ended already keeps the time at which it ended. "motacilla channel reopen" undoes it.`,
		Example:           "  motacilla channel end match-42",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			_, c, err := r.channel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if c.Ended.IsZero() {
				return r.changeChannel(cmd, args[0], client.ChannelChange{Ended: new(time.Now())})
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "It has ended already, at %s.\n", localTime(c.Ended))
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), c)
			}
			return nil
		}),
	}
}

func channelReopen(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:               "reopen CHANNEL",
		Short:             "Reopen a channel that has ended",
		Long:              `Reopen a channel that "motacilla channel end" has ended.`,
		Example:           "  motacilla channel reopen match-42",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return r.changeChannel(cmd, args[0], client.ChannelChange{Ended: new(time.Time)})
		}),
	}
}

func channelDelete(r *remote) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete CHANNEL",
		Short: "Delete a channel with all its posts",
		Long: `Delete a channel with all its posts. Whoever has its page open is told. This can't be undone. To close a live page
and keep it, use "motacilla channel end".

On a terminal it asks first, unless --yes is given. Elsewhere it needs --yes.`,
		Example: `  motacilla channel delete match-42
  motacilla channel delete match-42 --yes`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if !yes {
				_, c, err := r.channel(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if err := confirm(cmd, fmt.Sprintf("Delete the channel %s (%q) with all its posts?", c.ID, c.Title)); err != nil {
					return err
				}
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			if err := c.DeleteChannel(cmd.Context(), motacilla.ChannelID(args[0])); err != nil {
				return r.onChannel("delete channel "+args[0], err, args[0])
			}
			return nil
		}),
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirm asks on the terminal. It returns an error unless the answer is yes.
func confirm(cmd *cobra.Command, question string) error {
	if !isTerminal(cmd.InOrStdin()) {
		return misused(errors.New("this can't be undone, and there is no terminal to ask on: give --yes"))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s This can't be undone. [y/N] ", question)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	if answer == "y" || answer == "yes" {
		return nil
	}
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr())
	}
	return errors.New("nothing was deleted")
}
