package main

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

func postVersions(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "versions CHANNEL POST",
		Short: "List a post's versions, newest first",
		Long: `List a post's versions, newest first: who made each, and what changed. What is gone is in [-...-], what is new in {+...+}.
Versions of a deleted post are listed too, until they end.

A terminal gets a table that fits its width, with local times. A file or a pipe gets one line for each version, without titles: time
(RFC 3339), revision, account, changed fields (separated by commas) and text, separated by tabs.`,
		Example:           "  motacilla post versions match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			versions := []client.Version{}
			for v, err := range c.Versions(cmd.Context(), motacilla.ChannelID(args[0]), motacilla.PostID(args[1])) {
				if err != nil {
					return r.onPost("list versions", err, args)
				}
				versions = append(versions, v)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string][]client.Version{"versions": versions})
			}
			return printVersions(cmd, versions)
		}),
	}
}

func printVersions(cmd *cobra.Command, versions []client.Version) error {
	person := terminalWidth(cmd.OutOrStdout()) > 0
	t := &table.Table{Columns: []table.Column{
		{Title: "TIME"}, {Title: "REVISION"}, {Title: "WHO", Flexible: true}, {Title: "CHANGES"}, {Title: "TEXT", Flexible: true},
	}}
	for _, v := range versions {
		at, changed := motacilla.FormatTime(v.At), strings.Join(v.Changes, ",")
		if person {
			at = shortTime(v.At, time.Now())
		}
		if v.Removed {
			changed = "removed"
		}
		t.Add(at, v.Revision.String(), whose(v), cmp.Or(changed, "-"), oneLine(html.UnescapeString(diffMarks.Replace(v.Diff))))
	}
	return printTable(cmd.OutOrStdout(), t)
}

// whose returns who made a version.
func whose(v client.Version) string {
	who := cmp.Or(v.Who, "-")
	if v.Approved.Who != "" && v.Approved.Who != v.Who {
		who += ", approved by " + v.Approved.Who
	}
	return who
}

// diffMarks are what a difference has in place of tags.
var diffMarks = strings.NewReplacer("<ins>", "{+", "</ins>", "+}", "<del>", "[-", "</del>", "-]", "<br>", " ")

func postRestore(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "restore CHANNEL POST REVISION",
		Short: "Give a post the text of one of its versions",
		Long: `Give a post the author and the content of one of its versions, and print its ID. That is a new version. If the post was deleted,
a new post is made, which has another ID. "motacilla post versions" prints revisions.`,
		Example:           "  motacilla post restore match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3 1795614490964569",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			revision, err := motacilla.ParseRevision(args[2])
			if err != nil || revision == 0 {
				return misused(fmt.Errorf("%q is not a revision; motacilla post versions prints them", args[2]))
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			p, err := c.RestorePost(cmd.Context(), motacilla.ChannelID(args[0]), motacilla.PostID(args[1]), revision, 0)
			if errors.Is(err, motacilla.ErrNotFound) {
				return coded{fmt.Errorf("the post %s on the channel %s has no version %s", args[1], args[0], args[2]), exitNotFound}
			}
			if err != nil {
				return r.onPost("restore post", err, args)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), p)
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), p.ID))
		}),
	}
}

// erasePost deletes a post with its versions.
func (r *remote) erasePost(cmd *cobra.Command, c *client.Client, args []string) error {
	gone, err := c.ErasePost(cmd.Context(), motacilla.ChannelID(args[0]), motacilla.PostID(args[1]), 0)
	if err != nil {
		return r.onPost("delete post for good", err, args)
	}
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), gone)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "The post is gone, with %s, %s and %s.\n",
		count(int64(gone.Versions), "version"), count(int64(gone.Drafts), "draft"), count(int64(len(gone.Images)), "image"))
	return nil
}
