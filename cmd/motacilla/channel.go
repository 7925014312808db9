package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/motacilla-live/motacilla"
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

const channelsPath = "/api/channels"

func channelPath(channel string) string { return channelsPath + "/" + url.PathEscape(channel) }

// channel is a channel as the server answers it.
type channel struct {
	ID       string
	Title    string
	Access   string
	Created  string
	Ended    *string
	Revision int64
}

// channelPage is a page of the list of channels. Each channel is as the server answered it.
type channelPage struct {
	Channels []json.RawMessage `json:"channels"`
	Next     *string           `json:"next"`
}

func decodeChannel(raw json.RawMessage) (channel, error) {
	var c channel
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("the server's answer is no channel: %w", err)
	}
	return c, nil
}

func (c channel) state() string {
	if c.Ended != nil {
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
			body := map[string]string{"id": args[0], "title": title, "access": cmp.Or(access.value, "public")}
			var made json.RawMessage
			err := r.call(cmd.Context(), http.MethodPost, channelsPath, body, &made)
			if is(err, http.StatusConflict) {
				return fmt.Errorf("the channel %s exists already", args[0])
			}
			if err != nil {
				return fmt.Errorf("create channel %s: %w", args[0], err)
			}
			if asJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), made)
			}
			page, err := r.resolve(pagePath(args[0]))
			if err != nil {
				return err
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), page))
		}),
	}
	cmd.Flags().StringVar(&title, "title", "", "`TITLE` of the page")
	addAccess(cmd, access)
	return cmd
}

func accessFlag() *choice {
	return &choice{"", []string{string(motacilla.Public), string(motacilla.Private)}}
}

func addAccess(cmd *cobra.Command, access *choice) {
	cmd.Flags().Var(access, "access", "who may read: everybody, or only whoever has the token")
	must(cmd.RegisterFlagCompletionFunc("access", words(access.known...)))
}

func pagePath(channel string) string { return "/channels/" + url.PathEscape(channel) }

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
			all, err := r.allChannels(cmd.Context())
			if err != nil {
				return fmt.Errorf("list channels: %w", err)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), channelPage{Channels: all})
			}
			t := &table.Table{Columns: []table.Column{
				{Title: "CHANNEL"}, {Title: "ACCESS"}, {Title: "STATE"}, {Title: "TITLE", Flexible: true},
			}}
			for _, raw := range all {
				c, err := decodeChannel(raw)
				if err != nil {
					return err
				}
				t.Add(c.ID, c.Access, c.state(), c.Title)
			}
			return printTable(cmd.OutOrStdout(), t)
		}),
	}
}

func (r *remote) allChannels(ctx context.Context) ([]json.RawMessage, error) {
	all := []json.RawMessage{}
	for path := channelsPath; ; {
		var page channelPage
		if err := r.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Channels...)
		if page.Next == nil || *page.Next == "" {
			return all, nil
		}
		path = channelsPath + "?after=" + url.QueryEscape(*page.Next)
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
			raw, c, err := r.channel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			page, err := r.resolve(pagePath(c.ID))
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintf(w, "Channel\t%s\nTitle\t%s\nAccess\t%s\nState\t%s\n", c.ID, oneLine(c.Title), c.Access, c.state())
			fmt.Fprintf(w, "Created\t%s\n", localTime(c.Created))
			if c.Ended != nil {
				fmt.Fprintf(w, "Ended\t%s\n", localTime(*c.Ended))
			}
			fmt.Fprintf(w, "Revision\t%d\nPage\t%s\n", c.Revision, page)
			return printed(0, w.Flush())
		}),
	}
}

// channel reads a channel from the server.
func (r *remote) channel(ctx context.Context, id string) (raw json.RawMessage, c channel, err error) {
	if err := r.call(ctx, http.MethodGet, channelPath(id), nil, &raw); err != nil {
		return nil, c, onChannel(fmt.Errorf("show channel %s: %w", id, err), id)
	}
	c, err = decodeChannel(raw)
	return raw, c, err
}

// onChannel returns err, or an error that says what to do if there is no such channel.
func onChannel(err error, channel string) error {
	if isMissing(err) {
		return noChannel(channel)
	}
	return err
}

func noChannel(channel string) error {
	return coded{fmt.Errorf("there is no channel %s; create it with: motacilla channel create %s", channel, channel),
		exitNotFound}
}

// isMissing reports whether err is the server's answer that there is no such channel or post.
func isMissing(err error) bool {
	var p *problem
	return errors.As(err, &p) && p.ours && p.status == http.StatusNotFound
}

// localTime returns a time of the server for people. Text that is not a time stays as it is.
func localTime(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return oneLine(s)
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}
