package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
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
			body := map[string]any{}
			if cmd.Flags().Changed("title") {
				body["title"] = title
			}
			if access.value != "" {
				body["access"] = access.value
			}
			if len(body) == 0 {
				return misused(errors.New("nothing to change: give --title or --access"))
			}
			return r.patchChannel(cmd, args[0], body)
		}),
	}
	cmd.Flags().StringVar(&title, "title", "", "`TITLE` of the page")
	addAccess(cmd, access)
	return cmd
}

// patchChannel changes a channel, and prints it if the output is JSON.
func (r *remote) patchChannel(cmd *cobra.Command, channel string, body any) error {
	var changed json.RawMessage
	if err := r.call(cmd.Context(), http.MethodPatch, channelPath(channel), body, &changed); err != nil {
		return onChannel(fmt.Errorf("%s channel %s: %w", cmd.Name(), channel, err), channel)
	}
	if asJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), changed)
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
			raw, c, err := r.channel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if c.Ended == nil {
				return r.patchChannel(cmd, args[0], map[string]any{"ended": time.Now().UTC().Format(motacilla.TimeFormat)})
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "It has ended already, at %s.\n", localTime(*c.Ended))
			if asJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), raw)
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
			return r.patchChannel(cmd, args[0], map[string]any{"ended": nil})
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
			if err := r.call(cmd.Context(), http.MethodDelete, channelPath(args[0]), nil, nil); err != nil {
				return onChannel(fmt.Errorf("delete channel %s: %w", args[0], err), args[0])
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
