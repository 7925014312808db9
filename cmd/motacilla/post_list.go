package main

import (
	"cmp"
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

// postPage is a list of posts in JSON.
type postPage struct {
	Posts []client.Post      `json:"posts"`
	Head  motacilla.Revision `json:"head"`
	Next  *string            `json:"next"`
}

// lineOf returns a post's text on one line.
func lineOf(p client.Post) string {
	var parts []string
	for _, b := range p.Content {
		switch b.Type {
		case motacilla.TextBlock:
			parts = append(parts, textIn(b.Text))
		case motacilla.ImageBlock:
			parts = append(parts, "[image] "+oneLine(cmp.Or(b.Alt, b.URL)))
		case motacilla.EmbedBlock:
			parts = append(parts, "[embed] "+oneLine(b.URL))
		case motacilla.ScoreBlock:
			parts = append(parts, oneLine(b.Score.String()))
		}
	}
	return strings.Join(parts, " ")
}

// marksOf returns which of hidden, pinned and key a post is.
func marksOf(p client.Post) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{{!p.Show, "hidden"}, {p.Pinned, "pinned"}, {p.KeyEvent, "key"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

func postList(r *remote) *cobra.Command {
	var limit int
	var before string
	var all bool
	cmd := &cobra.Command{
		Use:   "list CHANNEL",
		Short: "List a channel's posts, newest first",
		Long: `List a channel's posts, newest first. With a token, hidden ones are listed too.

A terminal gets a table that fits its width, with local times. A file or a pipe gets one line for each post, without
titles: time (RFC 3339), ID, state (which of hidden, pinned, key, separated by commas), author and text, separated by
tabs.

--before takes a post's ID, or next from the JSON, and lists the posts before it.`,
		Example: `  motacilla post list match-42
  motacilla post list match-42 --limit 5 --before 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3
  motacilla post list match-42 --all --output json | jq '.posts | length'`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return misused(errors.New("--limit must be 1 or more; --all lists all posts"))
			}
			if all && cmd.Flags().Changed("limit") {
				return misused(errors.New("--all and --limit can't be given together"))
			}
			if all {
				limit = 0
			}
			list, err := r.posts(cmd.Context(), args[0], before, limit)
			if errors.Is(err, motacilla.ErrInvalid) && before != "" {
				return misused(fmt.Errorf("--before: %w", r.tell(err)))
			}
			if err != nil {
				return r.onChannel("list posts", err, args[0])
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), list)
			}
			return printPosts(cmd, args[0], list)
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most `N` posts")
	cmd.Flags().StringVar(&before, "before", "", "only posts older than `POST`")
	cmd.Flags().BoolVar(&all, "all", false, "all posts of the channel")
	return cmd
}

// posts lists the newest posts before a place: limit of them, or all if limit is 0. Head is that of the first answer.
func (r *remote) posts(ctx context.Context, channel, before string, limit int) (postPage, error) {
	c, err := r.client()
	if err != nil {
		return postPage{}, err
	}
	all := postPage{Posts: []client.Post{}}
	for {
		size := client.MaxPage
		if limit > 0 {
			size = min(size, limit-len(all.Posts))
		}
		page, err := c.PostPage(ctx, motacilla.ChannelID(channel), before, size)
		if err != nil {
			return all, err
		}
		if all.Head == 0 {
			all.Head = page.Head
		}
		all.Posts, all.Next, before = append(all.Posts, page.Posts...), nil, page.Next
		if page.Next != "" {
			all.Next = &page.Next
		}
		if page.Next == "" || len(page.Posts) == 0 || limit > 0 && len(all.Posts) >= limit {
			return all, nil
		}
	}
}

func printPosts(cmd *cobra.Command, channel string, list postPage) error {
	person := terminalWidth(cmd.OutOrStdout()) > 0
	t := &table.Table{Columns: []table.Column{
		{Title: "CREATED"}, {Title: "POST"}, {Title: "STATE"}, {Title: "AUTHOR", Flexible: true},
		{Title: "TEXT", Flexible: true},
	}}
	for _, p := range list.Posts {
		created := motacilla.FormatTime(p.Created)
		if person {
			created = shortTime(p.Created, time.Now())
		}
		t.Add(created, string(p.ID), marksOf(p), p.Author, lineOf(p))
	}
	if err := printTable(cmd.OutOrStdout(), t); err != nil {
		return err
	}
	if person && list.Next != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "There are older posts: motacilla post list %s --before %s\n", channel, *list.Next)
	}
	return nil
}

// shortTime returns a time of the server for people, without the date if it is of today.
func shortTime(t, now time.Time) string {
	if t = t.Local(); t.Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}
