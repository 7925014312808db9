package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/spf13/cobra"
)

func postCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "post",
		Short: "Write, list, change and delete posts",
		Long: `Write, list, change and delete the posts of a channel. Readers see each change at once.
POST is a post's ID. "motacilla post add", "motacilla post list" and "motacilla tail" print IDs.`,
		Example: `  motacilla post add match-42 "Kick-off"
  motacilla post list match-42
  motacilla post pin match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3`,
	})
	r := remoteFlags(cmd)
	cmd.AddCommand(postAdd(r), postList(r), postEdit(r))
	for _, s := range switches {
		cmd.AddCommand(postSwitch(r, s))
	}
	cmd.AddCommand(postDelete(r), postVersions(r), postRestore(r))
	return cmd
}

func postAdd(r *remote) *cobra.Command {
	var author, messageID string
	var pin, key, hide bool
	var pictures *images
	cmd := &cobra.Command{
		Use:   "add CHANNEL [TEXT]",
		Short: "Write a post, and print its ID",
		Long: `Write a post, and print its ID. The text is the argument, or else standard input. It may have simple HTML.
Each line is a paragraph. A line that is only a link to a known provider, such as YouTube, is embedded.

With --image the post shows images below its text, and needs no text; - as the text means standard input. Each image needs
an alternative text, which is read to those who can't see the image. On a terminal the command asks for it.`,
		Example: `  motacilla post add match-42 "19 min: <strong>Goal</strong>" --author Mara --key-event
  motacilla post add match-42 "The squads" --image home.jpg --alt "Eleven in white" --image away.jpg --alt "Eleven in blue"
  uptime | motacilla post add status`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			post := client.NewPost{Author: author, MessageID: messageID, Hidden: hide, Pinned: pin, KeyEvent: key}
			c, err := r.fill(cmd, &post, args, pictures)
			if err != nil {
				return err
			}
			p, err := c.CreatePost(cmd.Context(), motacilla.ChannelID(args[0]), post)
			if err != nil {
				return r.onChannel("add post", err, args[0])
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), p)
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), p.ID))
		}),
	}
	pictures = imageFlags(cmd)
	cmd.Flags().StringVar(&author, "author", "", "`NAME` of the author")
	cmd.Flags().StringVar(&messageID, "message-id", "", "an `ID` of your own; a post with the same one is not written again")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	cmd.Flags().BoolVar(&hide, "hide", false, "do not show the post yet")
	return cmd
}

// fill gives a new post its text, and its images, which it uploads. args are the channel and perhaps the text.
func (r *remote) fill(cmd *cobra.Command, p *client.NewPost, args []string, pictures *images) (*client.Client, error) {
	var text string
	if len(args) > 1 || len(pictures.files) == 0 {
		var err error
		if text, err = textOf(cmd, args[1:]); err != nil {
			return nil, err
		}
	}
	if err := pictures.complete(cmd); err != nil {
		return nil, err
	}
	c, err := r.client()
	if err != nil {
		return nil, err
	}
	if len(pictures.files) == 0 {
		p.Text = text
		return c, nil
	}
	if p.Content, err = contentOf(text); err != nil {
		return nil, fmt.Errorf("add post: %w", err)
	}
	message := ""
	if p.MessageID != "" {
		message = args[0] + "/" + p.MessageID
	}
	blocks, err := pictures.upload(cmd, c, r, message)
	p.Content = append(p.Content, blocks...)
	return c, err
}

func postEdit(r *remote) *cobra.Command {
	var author string
	var pin, key, show bool
	cmd := &cobra.Command{
		Use:   "edit CHANNEL POST [TEXT]",
		Short: "Change a post",
		Long: `Change a post. What no argument or flag gives stays as it is. The text is the argument; - means standard input.
"motacilla post hide", "show", "pin" and "unpin" are short forms of --show=false, --show, --pin and --pin=false.`,
		Example: `  motacilla post edit match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3 "19 min: Goal, after all"
  motacilla post edit match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3 --pin --show=false`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			change := client.PostChange{
				Author: given(cmd, "author", &author), Pinned: given(cmd, "pin", &pin),
				KeyEvent: given(cmd, "key-event", &key), Show: given(cmd, "show", &show),
			}
			if len(args) < 3 && change.Author == nil && change.Pinned == nil && change.KeyEvent == nil && change.Show == nil {
				return misused(errors.New("nothing to change: give a text or a flag, such as --show=false"))
			}
			if len(args) == 3 {
				var err error
				if change.Text, err = textOf(cmd, args[2:]); err != nil {
					return err
				}
			}
			return r.changePost(cmd, args, func(
				c *client.Client, ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID,
			) (client.Post, error) {
				return c.EditPost(ctx, ch, id, change)
			})
		}),
	}
	cmd.Flags().StringVar(&author, "author", "", "`NAME` of the author")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	cmd.Flags().BoolVar(&show, "show", true, "show the post")
	return cmd
}

// given returns the value of a flag, or nil if the flag was not given.
func given[T any](cmd *cobra.Command, flag string, value *T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return value
}

// changePost changes a post, and prints it if the output is JSON.
func (r *remote) changePost(cmd *cobra.Command, args []string, change changeFunc) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	changed, err := change(c, cmd.Context(), motacilla.ChannelID(args[0]), motacilla.PostID(args[1]))
	if err != nil {
		return r.onPost(cmd.Name()+" post", err, args)
	}
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), changed)
	}
	return nil
}

// changeFunc is a method of the client that changes a post.
type changeFunc = func(*client.Client, context.Context, motacilla.ChannelID, motacilla.PostID) (client.Post, error)

func postDelete(r *remote) *cobra.Command {
	var forGood bool
	cmd := &cobra.Command{
		Use:   "delete CHANNEL POST",
		Short: "Delete a post",
		Long: `Delete a post. It disappears from every page that shows it. Its versions are kept for some time: "motacilla post restore" makes
a new post of one. To take a post off the pages and keep it, use "motacilla post hide".

With --for-good nothing is left: all versions are deleted at once, and the images that no other post has. This can't be undone. It
needs the server's token, or an admin's. A post that was deleted before can be deleted for good too.`,
		Example: `  motacilla post delete match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3
  motacilla post delete match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3 --for-good`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			if forGood {
				return r.erasePost(cmd, c, args)
			}
			if err := c.DeletePost(cmd.Context(), motacilla.ChannelID(args[0]), motacilla.PostID(args[1]), 0); err != nil {
				return r.onPost("delete post", err, args)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&forGood, "for-good", false, "delete all its versions and images too")
	return cmd
}

// switches are the commands that set one property of a post.
var switches = [...]postChange{
	{"hide", "Take a post off the pages, and keep it",
		`Take a post off the pages, and keep it. Its text is not sent to readers until "motacilla post show".`,
		(*client.Client).HidePost},
	{"show", "Show a hidden post", `Show a hidden post, in its old place.`, (*client.Client).ShowPost},
	{"pin", "Keep a post at the top", `Keep a post at the top of the page, until "motacilla post unpin".`,
		(*client.Client).PinPost},
	{"unpin", "Move a pinned post back to its place", `Move a pinned post back to its place among the others.`,
		(*client.Client).UnpinPost},
}

type postChange struct {
	name, short, long string
	change            changeFunc
}

func postSwitch(r *remote, s postChange) *cobra.Command {
	return &cobra.Command{
		Use:               s.name + " CHANNEL POST",
		Short:             s.short,
		Long:              s.long,
		Example:           "  motacilla post " + s.name + " match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return r.changePost(cmd, args, s.change)
		}),
	}
}

// textOf returns the text of a post: the argument, or else standard input.
func textOf(cmd *cobra.Command, args []string) (string, error) {
	if len(args) > 0 && args[0] != "-" {
		return args[0], nil
	}
	body, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), motacilla.MaxText+1))
	if err != nil {
		return "", fmt.Errorf("read the text from standard input: %w", err)
	}
	if len(body) > motacilla.MaxText {
		return "", fmt.Errorf("the text from standard input is too long: a post has at most %d KiB", motacilla.MaxText>>10)
	}
	text := strings.TrimSpace(string(body))
	if text == "" {
		return "", misused(errors.New("standard input has no text; give it as an argument, or pipe it in"))
	}
	return text, nil
}
