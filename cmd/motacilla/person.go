package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/spf13/cobra"
)

func personCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "person",
		Short: "Invite people, and help those who have lost their keys",
		Long: `Make the links by which people get an account, or a new passkey or password. Give each link to the person, and to nobody else:
whoever has it can use it. These commands need the server's token, or an admin's. Without people in the configuration there are no
accounts.`,
		Example: `  motacilla person invite --role contributor --channels "match-*" --name Ben
  motacilla person reset ben`,
	})
	r := remoteFlags(cmd)
	cmd.AddCommand(personInvite(r), personReset(r))
	return cmd
}

func personInvite(r *remote) *cobra.Command {
	role := &choice{"", []string{"reader", "contributor", "editor", "admin"}}
	var channels string
	n := client.NewInvitation{}
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Make a link for a new account, and print it",
		Long: `Make a link by which somebody makes an account, and print it. It works once, for 7 days unless the configuration says otherwise.
It has the address that the server knows as its own (server.public_url), or else the one by which this command calls it.

` + rolesHelp + `Channels are IDs and patterns, in which * is any text and ? any character.`,
		Example: `  motacilla person invite --role contributor --channels "match-*,final" --name Ben
  motacilla person invite --role editor --login ben`,
		Args: arguments,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if role.value == "" {
				return misused(fmt.Errorf("--role is missing; known: %s", strings.Join(role.known, ", ")))
			}
			n.Rights = []client.Right{{Role: role.value}}
			if cmd.Flags().Changed("channels") {
				n.Rights[0].Channels = strings.Split(channels, ",")
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			made, err := c.Invite(cmd.Context(), n)
			switch {
			case errors.Is(err, motacilla.ErrInvalid):
				return misused(r.tell(err))
			case errors.Is(err, motacilla.ErrNotFound):
				return errNoAccounts
			case err != nil:
				return r.tell(err)
			}
			return printLink(cmd, made, "an account: "+rightsText(made.Rights))
		}),
	}
	cmd.Flags().Var(role, "role", "what the account may do")
	must(cmd.RegisterFlagCompletionFunc("role", words(role.known...)))
	cmd.Flags().StringVar(&channels, "channels", "", "only on these `CHANNELS`: IDs and patterns, separated by commas; without it, on all")
	cmd.Flags().StringVar(&n.Name, "name", "", "the person's `NAME`, as a proposal")
	cmd.Flags().StringVar(&n.Login, "login", "", "a `LOGIN`, as a proposal: lower-case letters, digits and . _ - @")
	return cmd
}

var errNoAccounts = errors.New("the server has no accounts; add people to the list access of its configuration")

func personReset(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "reset LOGIN",
		Short: "Make a link for a new passkey or password, and print it",
		Long: `Make a link by which the person with this login makes a new passkey or password, and print it. It works once, for 24 hours. Using
it ends the old password and all old passkeys, and signs the account out everywhere.`,
		Example: `  motacilla person reset ben`,
		Args:    arguments,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			made, err := c.ResetPerson(cmd.Context(), args[0])
			switch {
			case errors.Is(err, motacilla.ErrNotFound):
				return coded{fmt.Errorf("there is no account with the login %s", args[0]), exitNotFound}
			case err != nil:
				return r.tell(err)
			}
			return printLink(cmd, made, "a new passkey or password of "+made.Login)
		}),
	}
}

// printLink prints the link alone on standard output, and what it is for elsewhere.
func printLink(cmd *cobra.Command, made client.Invitation, use string) error {
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), made)
	}
	if err := printed(fmt.Fprintln(cmd.OutOrStdout(), made.URL)); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "This link is for %s. It works once, %s. It is not shown again.\n", use, untilText(made.Expires))
	return nil
}
