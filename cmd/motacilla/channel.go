package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func channelCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "channel", Short: "Make and list channels"}
	r := remoteFlags(cmd)
	cmd.AddCommand(channelCreate(r), channelList(r))
	return cmd
}

func channelCreate(r *remote) *cobra.Command {
	var title string
	var private bool
	cmd := &cobra.Command{
		Use:   "create CHANNEL",
		Short: "Make a channel",
		Long: `Make a channel, which is one live page: 1 to 255 of A-Z a-z 0-9 - . _ ~ : @ +.
A private one can be read with the token alone.`,
		Example: `  motacilla channel create match-42 --title "Cup final"`,
		Args:    arguments,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			access := "public"
			if private {
				access = "private"
			}
			body := map[string]string{"id": args[0], "title": title, "access": access}
			err := r.call(cmd.Context(), http.MethodPost, "/api/channels", body, nil)
			if is(err, http.StatusConflict) {
				return fmt.Errorf("the channel %s is there already", args[0])
			}
			if err != nil {
				return fmt.Errorf("create channel %s: %w", args[0], err)
			}
			page, err := r.resolve("/channels/" + url.PathEscape(args[0]))
			if err != nil {
				return err
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), page))
		}),
	}
	cmd.Flags().StringVar(&title, "title", "", "title of the page")
	cmd.Flags().BoolVar(&private, "private", false, "only who has the token may read")
	return cmd
}

func channelList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the channels",
		Args:  cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			path := "/api/channels"
			for {
				var answer struct {
					Channels []struct {
						ID, Title, Access string
						Ended             *string
					}
					Next string
				}
				if err := r.call(cmd.Context(), http.MethodGet, path, nil, &answer); err != nil {
					return fmt.Errorf("list channels: %w", err)
				}
				for _, c := range answer.Channels {
					state := "live"
					if c.Ended != nil {
						state = "ended"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.ID, c.Access, state, c.Title)
				}
				if answer.Next == "" {
					return printed(0, w.Flush())
				}
				path = "/api/channels?after=" + url.QueryEscape(answer.Next)
			}
		}),
	}
}
