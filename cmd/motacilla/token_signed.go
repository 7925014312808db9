package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

func tokenRevokeSigned(r *remote) *cobra.Command {
	var jti, who, before, expires string
	cmd := &cobra.Command{
		Use:   "revoke-signed",
		Short: "Revoke tokens that another server has signed (JWT)",
		Long: `Revoke tokens that your app or another server has signed, before they expire: one, by its jti, or all of an account that were
issued before a time. Within 2 seconds nobody can use them any more on any node, and the streams that they have opened end. The
audit log has the accounts, such as jwt/42.`,
		Example: `  motacilla token revoke-signed --who jwt/42
  motacilla token revoke-signed --who jwt/42 --before 2026-11-28T09:00:00Z
  motacilla token revoke-signed --jti 7f3a --expires 12h`,
		Args: known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			one := client.Revocation{JTI: jti, Who: who}
			if (jti == "") == (who == "") {
				return misused(errors.New("give either --jti or --who"))
			}
			var err error
			if before != "" {
				if one.Before, err = time.Parse(time.RFC3339, before); err != nil {
					return misused(fmt.Errorf("--before %s: must be like 2026-11-28T09:00:00Z", before))
				}
			}
			if expires != "" {
				if one.Expires, err = parseExpiry(expires, time.Now()); err != nil {
					return misused(fmt.Errorf("--expires %s: %w", expires, err))
				}
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			made, err := c.RevokeSigned(cmd.Context(), one)
			switch {
			case errors.Is(err, motacilla.ErrInvalid):
				return misused(r.tell(err))
			case err != nil:
				return r.tell(err)
			case asJSON(cmd):
				return printValue(cmd.OutOrStdout(), made)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Revoked %s. This is kept %s; tokens that last longer would count again.\n",
				revokedText(made), untilText(made.Expires))
			return nil
		}),
	}
	cmd.Flags().StringVar(&jti, "jti", "", "the token with this `ID` as its claim jti")
	cmd.Flags().StringVar(&who, "who", "", "the tokens of this `ACCOUNT`, such as jwt/42")
	cmd.Flags().StringVar(&before, "before", "", "with --who: those that were issued before this `TIME`; without it, before now")
	cmd.Flags().StringVar(&expires, "expires", "", "when the last of them has expired: after days, hours or minutes (90d, 12h, 30m), or at a "+
		"`TIME`; without it, in a year")
	return cmd
}

// revokedText says what a revocation revokes.
func revokedText(r client.Revocation) string {
	if r.Who == "" {
		return "the token " + r.JTI
	}
	return "the tokens of " + r.Who + " from before " + r.Before.Format(time.RFC3339)
}

func tokenRevoked(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "revoked",
		Short: "List what was revoked of signed tokens",
		Long: `List what was revoked of signed tokens, the newest first, as long as it is kept.

A terminal gets a table that fits its width. A file or a pipe gets one line for each, without titles: what is revoked, until when that is
kept (RFC 3339) and who revoked it, separated by tabs.`,
		Example: `  motacilla token revoked
  motacilla token revoked --output json | jq -r '.revocations[].who'`,
		Args: known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			list, err := c.Revocations(cmd.Context())
			if err != nil {
				return r.tell(err)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string][]client.Revocation{"revocations": list})
			}
			t := &table.Table{Columns: []table.Column{{Title: "REVOKED", Flexible: true}, {Title: "KEPT UNTIL"}, {Title: "BY", Flexible: true}}}
			for _, one := range list {
				t.Add(revokedText(one), one.Expires.Format(time.RFC3339), one.By)
			}
			return printTable(cmd.OutOrStdout(), t)
		}),
	}
}
