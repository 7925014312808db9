package main

import (
	"context"
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

const rolesHelp = `A role may do what the roles before it may: a reader reads private channels, a contributor proposes posts, an editor
makes and changes channels and posts, an admin deletes channels and says who may do what.
`

func tokenCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke named tokens for programs",
		Long: `Make, list and revoke named tokens. A program shows one in place of the server's token, which permits everything.
A named token has a role, on all channels or on some, and may end at a time. These commands need the server's token, or an admin's.`,
		Example: `  motacilla token create scores --role editor --channels "match-*" --expires 90d
  motacilla token list
  motacilla token revoke scores`,
	})
	r := remoteFlags(cmd)
	cmd.AddCommand(tokenCreate(r), tokenList(r), tokenRevoke(r), tokenRevokeSigned(r), tokenRevoked(r))
	return cmd
}

// createdToken is a token with its secret in JSON.
type createdToken struct {
	Token  client.Token `json:"token"`
	Secret string       `json:"secret"`
}

func tokenCreate(r *remote) *cobra.Command {
	role := &choice{"", []string{"reader", "contributor", "editor", "admin"}}
	var channels, expires string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token, and print its secret",
		Long: `Make a token, and print its secret, which a program sends as "Authorization: Bearer SECRET". The server keeps only a hash, so
nobody can see the secret again. NAME is 1 to 40 lower-case letters, digits and single hyphens.

` + rolesHelp + `Channels are IDs and patterns, in which * is any text and ? any character.`,
		Example: `  motacilla token create scores --role editor --channels "match-*,final" --expires 90d
  motacilla token create backup --role reader --expires 2027-12-31
  motacilla token create ci --role editor >ci.token`,
		Args: arguments,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			n := client.NewToken{Name: args[0], Rights: []client.Right{{Role: role.value}}}
			if role.value == "" {
				return misused(fmt.Errorf("--role is missing; known: %s", strings.Join(role.known, ", ")))
			}
			if cmd.Flags().Changed("channels") {
				n.Rights[0].Channels = strings.Split(channels, ",")
			}
			if expires != "" {
				var err error
				if n.Expires, err = parseExpiry(expires, time.Now()); err != nil {
					return misused(fmt.Errorf("--expires %s: %w", expires, err))
				}
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			made, secret, err := c.CreateToken(cmd.Context(), n)
			switch {
			case errors.Is(err, motacilla.ErrExists):
				return fmt.Errorf("there is a token %s; give another name, or revoke it: motacilla token revoke %s", n.Name, n.Name)
			case errors.Is(err, motacilla.ErrInvalid):
				return misused(fmt.Errorf("create token %s: %w", n.Name, r.tell(err)))
			case err != nil:
				return fmt.Errorf("create token %s: %w", n.Name, r.tell(err))
			case asJSON(cmd):
				return printValue(cmd.OutOrStdout(), createdToken{made, secret})
			}
			if err := printed(fmt.Fprintln(cmd.OutOrStdout(), secret)); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "This is the secret of the token %s: %s, %s. It is not shown again.\n",
				made.Name, rightsText(made.Rights), untilText(made.Expires))
			return nil
		}),
	}
	cmd.Flags().Var(role, "role", "what it may do")
	must(cmd.RegisterFlagCompletionFunc("role", words(role.known...)))
	cmd.Flags().StringVar(&channels, "channels", "", "only on these `CHANNELS`: IDs and patterns, separated by commas; without it, on all")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: after days, hours or minutes (90d, 12h, 30m), or at a `TIME`, such as "+
		"2027-12-31 or 2027-12-31T18:00:00Z; without it, never")
	return cmd
}

// parseExpiry returns the time of --expires.
func parseExpiry(s string, now time.Time) (time.Time, error) {
	wrong := errors.New("must be like 90d, 12h, 30m, 2027-12-31 or 2027-12-31T18:00:00Z, and in the future")
	at := time.Time{}
	if n, err := strconv.Atoi(strings.TrimRight(s, "dhm")); err == nil && n > 0 && n < 100*365*24*60 {
		switch s[len(strconv.Itoa(n)):] {
		case "d":
			at = now.AddDate(0, 0, n)
		case "h":
			at = now.Add(time.Duration(n) * time.Hour)
		case "m":
			at = now.Add(time.Duration(n) * time.Minute)
		default:
			return at, wrong
		}
	} else if at, err = time.ParseInLocation(time.DateOnly, s, time.Local); err != nil {
		at, _ = time.Parse(time.RFC3339, s)
	}
	if !at.After(now) {
		return at, wrong
	}
	return at, nil
}

// rightsText returns rights as motacilla token create takes them.
func rightsText(rights []client.Right) string {
	var list []string
	for _, r := range rights {
		on := "all channels"
		if len(r.Channels) > 0 {
			on = strings.Join(r.Channels, ",")
		}
		list = append(list, r.Role+" on "+on)
	}
	return strings.Join(list, "; ")
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return "without an end"
	}
	return "until " + localTime(t)
}

func tokenList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the named tokens",
		Long: `List the named tokens, by name, without their secrets. The server's own token is none of them.

A terminal gets a table that fits its width. A file or a pipe gets one line for each token, without titles: name, rights, the time at
which it ends (RFC 3339, or -) and who made it, separated by tabs.`,
		Example: `  motacilla token list
  motacilla token list --output json | jq -r '.tokens[].name'`,
		Args: known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			list, err := c.Tokens(cmd.Context())
			if err != nil {
				return fmt.Errorf("list tokens: %w", r.tell(err))
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string][]client.Token{"tokens": list})
			}
			t := &table.Table{Columns: []table.Column{
				{Title: "TOKEN"}, {Title: "RIGHTS", Flexible: true}, {Title: "EXPIRES"}, {Title: "BY", Flexible: true},
			}}
			for _, one := range list {
				end := "-"
				if !one.Expires.IsZero() {
					end = one.Expires.Format(time.RFC3339)
				}
				t.Add(one.Name, rightsText(one.Rights), end, one.By)
			}
			return printTable(cmd.OutOrStdout(), t)
		}),
	}
}

func tokenRevoke(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "Revoke a token",
		Long: `Revoke a token. Within 2 seconds nobody can use it any more on any node, and the streams that it has opened end. The name
can be given to a new token.`,
		Example:           "  motacilla token revoke scores",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			err = c.RevokeToken(cmd.Context(), args[0])
			switch {
			case errors.Is(err, motacilla.ErrNotFound):
				return coded{fmt.Errorf("there is no token %s; motacilla token list prints them", args[0]), exitNotFound}
			case err != nil:
				return fmt.Errorf("revoke token %s: %w", args[0], r.tell(err))
			}
			return nil
		}),
	}
}

// tokenNames returns the names of tokens, or none if the server does not answer.
func (r *remote) tokenNames(ctx context.Context) []cobra.Completion {
	c, err := r.client()
	if err != nil {
		return nil
	}
	list, err := c.Tokens(ctx)
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
		return nil
	}
	var found []cobra.Completion
	for _, one := range list {
		found = append(found, cobra.CompletionWithDesc(one.Name, brief(oneLine(rightsText(one.Rights)))))
	}
	return found
}
