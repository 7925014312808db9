package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

const someDraft = "01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3"

func draftCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "draft",
		Short: "Write drafts, and publish them now or later",
		Long: `Write drafts, and publish them now or later. A draft is a post that readers do not see yet: it waits for an editor, or for
its time. Contributors write drafts and submit them. Editors publish them, schedule them, or return them with a note.
DRAFT is a draft's ID. "motacilla draft add" and "motacilla draft list" print IDs.`,
		Example: `  motacilla draft add match-42 "Kick-off" --submit
  motacilla draft list match-42 --state submitted
  motacilla draft schedule match-42 ` + someDraft + ` 2027-06-01T18:00:00Z`,
	})
	r := remoteFlags(cmd)
	cmd.AddCommand(draftAdd(r), draftList(r), draftShow(r), draftEdit(r), draftSchedule(r), draftReturn(r), draftDelete(r))
	for _, s := range draftSteps {
		cmd.AddCommand(draftStep(r, s))
	}
	return cmd
}

func draftAdd(r *remote) *cobra.Command {
	var author, edits string
	var pin, key, submit bool
	var pictures *images
	cmd := &cobra.Command{
		Use:   "add CHANNEL [TEXT]",
		Short: "Write a draft, and print its ID",
		Long: `Write a draft, and print its ID. Text and images are as in "motacilla post add". With --edits the draft changes a post when it is
published; what you do not give is as the post has it.`,
		Example: `  motacilla draft add match-42 "19 min: <strong>Goal</strong>" --author Mara --submit
  motacilla draft add match-42 "19 min: Goal, after all" --edits ` + someDraft,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			var post client.NewPost
			var c *client.Client
			var err error
			if edits != "" && len(args) == 1 && len(pictures.files) == 0 {
				c, err = r.client()
			} else {
				c, err = r.fill(cmd, &post, args, pictures)
			}
			if err != nil {
				return err
			}
			ch := motacilla.ChannelID(args[0])
			d, err := c.CreateDraft(cmd.Context(), ch, client.NewDraft{
				Text: post.Text, Content: post.Content, Author: author, Pinned: pin, KeyEvent: key, Edits: motacilla.PostID(edits)})
			if err != nil {
				return r.onChannel("add draft", err, args[0])
			}
			if submit {
				if d, err = c.SubmitDraft(cmd.Context(), ch, d.ID); err != nil {
					return fmt.Errorf("the draft is written, but not submitted: %w", r.tell(err))
				}
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), d)
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), d.ID))
		}),
	}
	pictures = imageFlags(cmd)
	cmd.Flags().StringVar(&author, "author", "", "`NAME` of the author")
	cmd.Flags().StringVar(&edits, "edits", "", "the `POST` that the draft changes")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	cmd.Flags().BoolVar(&submit, "submit", false, "give the draft to the editors")
	return cmd
}

func draftList(r *remote) *cobra.Command {
	state := &choice{"", []string{"draft", "submitted", "returned", "scheduled", "publishing", "published"}}
	cmd := &cobra.Command{
		Use:   "list CHANNEL",
		Short: "List a channel's drafts, oldest first",
		Long: `List a channel's drafts, oldest first. A contributor's token lists its own, an editor's all.

A terminal gets a table that fits its width, with local times. A file or a pipe gets one line for each draft, without titles: ID, state,
the time at which it comes out (RFC 3339, or -), whom it is of and text, separated by tabs.`,
		Example: `  motacilla draft list match-42
  motacilla draft list match-42 --state submitted --output json | jq -r '.drafts[].id'`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			list := []client.Draft{}
			for d, err := range c.Drafts(cmd.Context(), motacilla.ChannelID(args[0]), state.value) {
				if err != nil {
					return r.onChannel("list drafts", err, args[0])
				}
				list = append(list, d)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string][]client.Draft{"drafts": list})
			}
			return printDrafts(cmd, list)
		}),
	}
	cmd.Flags().Var(state, "state", "only drafts in this state")
	must(cmd.RegisterFlagCompletionFunc("state", words(state.known...)))
	return cmd
}

func printDrafts(cmd *cobra.Command, list []client.Draft) error {
	person := terminalWidth(cmd.OutOrStdout()) > 0
	t := &table.Table{Columns: []table.Column{
		{Title: "DRAFT"}, {Title: "STATE"}, {Title: "AT"}, {Title: "BY", Flexible: true}, {Title: "TEXT", Flexible: true},
	}}
	for _, d := range list {
		at := "-"
		switch {
		case d.At.IsZero():
		case person:
			at = shortTime(d.At, time.Now())
		default:
			at = motacilla.FormatTime(d.At)
		}
		t.Add(string(d.ID), d.State, at, d.By.Name, lineOf(client.Post{Content: d.Content}))
	}
	return printTable(cmd.OutOrStdout(), t)
}

func draftShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "show CHANNEL DRAFT",
		Short: "Show a draft",
		Long: `Show a draft: its state, whom it is of, when it comes out, the editor's note and its text. Scripts should use --output json,
which has everything.`,
		Example:           "  motacilla draft show match-42 " + someDraft,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return r.onDraft(cmd, "show", args, func(
				ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID,
			) (client.Draft, error) {
				return c.Draft(ctx, ch, id)
			})
		}),
	}
}

// draftText returns a draft for people.
func draftText(d client.Draft) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-9s %s\n", name, oneLine(value))
		}
	}
	line("state", d.State)
	line("by", d.By.Name)
	line("approved", d.Approved.Name)
	if !d.At.IsZero() {
		line("at", localTime(d.At))
	}
	line("note", d.Note)
	line("edits", string(d.Edits))
	line("post", string(d.Post))
	line("author", d.Author)
	line("text", lineOf(client.Post{Content: d.Content}))
	return b.String()
}

func draftEdit(r *remote) *cobra.Command {
	var author string
	var pin, key bool
	cmd := &cobra.Command{
		Use:   "edit CHANNEL DRAFT [TEXT]",
		Short: "Change a draft",
		Long: `Change a draft. What no argument or flag gives stays as it is. The text is the argument; - means standard input. Its author may do
so until it is scheduled, an editor until it comes out.`,
		Example:           "  motacilla draft edit match-42 " + someDraft + ` "19 min: Goal, after all"`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			change := client.DraftChange{
				Author: given(cmd, "author", &author), Pinned: given(cmd, "pin", &pin), KeyEvent: given(cmd, "key-event", &key),
			}
			if len(args) < 3 && change.Author == nil && change.Pinned == nil && change.KeyEvent == nil {
				return misused(errors.New("nothing to change: give a text or a flag, such as --pin"))
			}
			if len(args) == 3 {
				var err error
				if change.Text, err = textOf(cmd, args[2:]); err != nil {
					return err
				}
			}
			return r.onDraft(cmd, "edit", args, func(
				ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID,
			) (client.Draft, error) {
				return c.EditDraft(ctx, ch, id, change)
			})
		}),
	}
	cmd.Flags().StringVar(&author, "author", "", "`NAME` of the author")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	return cmd
}
