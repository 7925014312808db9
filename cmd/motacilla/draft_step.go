package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/spf13/cobra"
)

// draftFunc does something with a draft.
type draftFunc = func(ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) (client.Draft, error)

type draftChange struct {
	name, short, long string
	do                draftFunc
}

// draftSteps are the commands that take a draft and nothing else.
var draftSteps = [...]draftChange{
	{"submit", "Give a draft to the editors", `Give a draft to the editors. You can still change it, until it is scheduled or published.`,
		func(ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) (client.Draft, error) {
			return c.SubmitDraft(ctx, ch, id)
		}},
	{"publish", "Publish a draft now, and print the post's ID",
		`Publish a draft now, and print the post's ID. It needs the role editor. To publish it again is no error, and makes no second post.`,
		func(ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) (client.Draft, error) {
			return c.PublishDraft(ctx, ch, id)
		}},
	{"unschedule", "Take back when a draft comes out", `Take back when a draft comes out. It waits for an editor again.`,
		func(ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) (client.Draft, error) {
			return c.UnscheduleDraft(ctx, ch, id)
		}},
}

func draftStep(r *remote, s draftChange) *cobra.Command {
	return &cobra.Command{
		Use:               s.name + " CHANNEL DRAFT",
		Short:             s.short,
		Long:              s.long,
		Example:           "  motacilla draft " + s.name + " match-42 " + someDraft,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return r.onDraft(cmd, s.name, args, s.do)
		}),
	}
}

func draftSchedule(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "schedule CHANNEL DRAFT TIME",
		Short: "Say when a draft comes out",
		Long: `Say when a draft comes out. It needs the role editor. The draft comes out within a second of its time, also if the server that took
it is gone, as long as another one runs. TIME is a time such as 2027-06-01T18:00:00Z, a day, or a time from now: 90m, 12h, 2d.`,
		Example: `  motacilla draft schedule match-42 ` + someDraft + ` 2027-06-01T18:00:00Z
  motacilla draft schedule match-42 ` + someDraft + ` 90m`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			at, err := parseExpiry(args[2], time.Now())
			if err != nil {
				return misused(fmt.Errorf("%s: %w", args[2], err))
			}
			return r.onDraft(cmd, "schedule", args, func(
				ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID,
			) (client.Draft, error) {
				return c.ScheduleDraft(ctx, ch, id, at)
			})
		}),
	}
}

func draftReturn(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "return CHANNEL DRAFT [NOTE]",
		Short: "Send a draft back to its author",
		Long: `Send a draft back to its author, with a note. It needs the role editor. A scheduled draft does not come out then. The note is the
argument; - means standard input.`,
		Example:           "  motacilla draft return match-42 " + someDraft + ` "Which team?"`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			note := ""
			if len(args) == 3 {
				var err error
				if note, err = textOf(cmd, args[2:]); err != nil {
					return err
				}
			}
			return r.onDraft(cmd, "return", args, func(
				ctx context.Context, c *client.Client, ch motacilla.ChannelID, id motacilla.PostID,
			) (client.Draft, error) {
				return c.ReturnDraft(ctx, ch, id, note)
			})
		}),
	}
}

func draftDelete(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:               "delete CHANNEL DRAFT",
		Short:             "Delete a draft",
		Long:              `Delete a draft. A post that was made of it stays.`,
		Example:           "  motacilla draft delete match-42 " + someDraft,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err == nil {
				err = r.tellDraft("delete", c.DeleteDraft(cmd.Context(), motacilla.ChannelID(args[0]), motacilla.PostID(args[1])), args)
			}
			return err
		}),
	}
}

// onDraft does something with the draft that args name, and prints what is of interest.
func (r *remote) onDraft(cmd *cobra.Command, what string, args []string, do draftFunc) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := do(cmd.Context(), c, motacilla.ChannelID(args[0]), motacilla.PostID(args[1]))
	switch {
	case err != nil:
		return r.tellDraft(what, err, args)
	case asJSON(cmd):
		return printValue(cmd.OutOrStdout(), d)
	case what == "show":
		return printed(fmt.Fprint(cmd.OutOrStdout(), draftText(d)))
	case what == "publish":
		return printed(fmt.Fprintln(cmd.OutOrStdout(), d.Post))
	}
	return nil
}

// tellDraft returns an error of the client about the draft that args name in words for people.
func (r *remote) tellDraft(what string, err error, args []string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, motacilla.ErrNotFound):
		return coded{fmt.Errorf("there is no draft %s on the channel %s, or it is of somebody else", args[1], args[0]), exitNotFound}
	}
	return fmt.Errorf("%s draft: %w", what, r.tell(err))
}

// draftIDs returns the IDs of a channel's drafts, or none if the server does not answer.
func (r *remote) draftIDs(ctx context.Context, channel string) []cobra.Completion {
	c, err := r.client()
	if err != nil {
		return nil
	}
	var found []cobra.Completion
	for d, err := range c.Drafts(ctx, motacilla.ChannelID(channel), "") {
		if err != nil {
			cobra.CompDebugln(err.Error(), false)
			break
		}
		if len(found) == 20 {
			break
		}
		about := strings.TrimSpace(d.State + " " + lineOf(client.Post{Content: d.Content}))
		found = append(found, cobra.CompletionWithDesc(string(d.ID), brief(about)))
	}
	return found
}
