package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

// mostPosts is the most posts that the server lists in one answer.
const mostPosts = 100

// post is a post as the server answers it.
type post struct {
	ID       string
	Author   string
	Created  string
	Show     bool
	Pinned   bool
	KeyEvent bool `json:"key_event"`
	Content  []motacilla.RawBlock
}

// postPage is a page of the list of posts. Each post is as the server answered it.
type postPage struct {
	Posts []json.RawMessage `json:"posts"`
	Head  json.RawMessage   `json:"head"`
	Next  *string           `json:"next"`
}

func decodePost(raw json.RawMessage) (post, error) {
	var p post
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("the server's answer is no post: %w", err)
	}
	return p, nil
}

// text returns the post's text on one line.
func (p post) text() string {
	var parts []string
	for _, b := range p.Content {
		switch b.Type {
		case motacilla.TextBlock:
			parts = append(parts, textIn(b.Text))
		case motacilla.ImageBlock:
			parts = append(parts, "[image] "+oneLine(cmp.Or(b.Alt, b.URL)))
		case motacilla.EmbedBlock:
			parts = append(parts, "[embed] "+oneLine(b.URL))
		}
	}
	return strings.Join(parts, " ")
}

// state returns which of hidden, pinned and key the post is.
func (p post) state() string {
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
			if is(err, http.StatusBadRequest) && before != "" {
				return misused(fmt.Errorf("--before: %w", err))
			}
			if err != nil {
				return onChannel(fmt.Errorf("list posts: %w", err), args[0])
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
	all := postPage{Posts: []json.RawMessage{}}
	for {
		size := mostPosts
		if limit > 0 {
			size = min(size, limit-len(all.Posts))
		}
		q := url.Values{"limit": {strconv.Itoa(size)}}
		if before != "" {
			q.Set("before", before)
		}
		var page postPage
		if err := r.call(ctx, http.MethodGet, postsPath(channel)+"?"+q.Encode(), nil, &page); err != nil {
			return all, err
		}
		if all.Head == nil {
			all.Head = page.Head
		}
		all.Posts, all.Next = append(all.Posts, page.Posts...), page.Next
		if page.Next == nil || len(page.Posts) == 0 || limit > 0 && len(all.Posts) >= limit {
			return all, nil
		}
		before = *page.Next
	}
}

func printPosts(cmd *cobra.Command, channel string, list postPage) error {
	person := terminalWidth(cmd.OutOrStdout()) > 0
	t := &table.Table{Columns: []table.Column{
		{Title: "CREATED"}, {Title: "POST"}, {Title: "STATE"}, {Title: "AUTHOR", Flexible: true},
		{Title: "TEXT", Flexible: true},
	}}
	for _, raw := range list.Posts {
		p, err := decodePost(raw)
		if err != nil {
			return err
		}
		created := p.Created
		if person {
			created = shortTime(created, time.Now())
		}
		t.Add(created, p.ID, p.state(), p.Author, p.text())
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
func shortTime(s string, now time.Time) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	if t = t.Local(); t.Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}
