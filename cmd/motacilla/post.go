package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/spf13/cobra"
)

func postCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "post",
		Short: "Write, list, change and delete posts",
		Long: `Write, list, change and delete the posts of a channel. Readers see each change at once.
POST is a post's ID. "motacilla post add", "motacilla post list" and "motacilla tail" print IDs.`,
		Example: `  motacilla post add match-42 "Kick-off!"
  motacilla post list match-42
  motacilla post pin match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3`,
	})
	r := remoteFlags(cmd)
	cmd.AddCommand(postAdd(r), postList(r), postEdit(r))
	for _, s := range switches {
		cmd.AddCommand(postSwitch(r, s))
	}
	cmd.AddCommand(postDelete(r))
	return cmd
}

func postAdd(r *remote) *cobra.Command {
	var author, messageID string
	var pin, key, hide bool
	cmd := &cobra.Command{
		Use:   "add CHANNEL [TEXT]",
		Short: "Write a post, and print its ID",
		Long: `Write a post, and print its ID. The text is the argument, or else standard input. It may have simple HTML.
Each line is a paragraph. A line that is only a link to a known provider, such as YouTube, is embedded.`,
		Example: `  motacilla post add match-42 "19 min: <strong>Goal!</strong>" --author Mara --key-event
  uptime | motacilla post add status`,
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			text, err := textOf(cmd, args[1:])
			if err != nil {
				return err
			}
			body := map[string]any{"text": text, "show": !hide, "pinned": pin, "key_event": key}
			if author != "" {
				body["author"] = author
			}
			if messageID != "" {
				body["message_id"] = messageID
			}
			var made json.RawMessage
			if err := r.call(cmd.Context(), http.MethodPost, postsPath(args[0]), body, &made); err != nil {
				return onChannel(fmt.Errorf("add post: %w", err), args[0])
			}
			if asJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), made)
			}
			p, err := decodePost(made)
			if err != nil {
				return err
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), p.ID))
		}),
	}
	cmd.Flags().StringVar(&author, "author", "", "`NAME` of the author")
	cmd.Flags().StringVar(&messageID, "message-id", "", "an `ID` of your own; a post with the same one is not written again")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	cmd.Flags().BoolVar(&hide, "hide", false, "do not show the post yet")
	return cmd
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
			body := map[string]any{}
			for _, c := range []struct {
				flag, key string
				value     any
			}{{"author", "author", author}, {"pin", "pinned", pin}, {"key-event", "key_event", key}, {"show", "show", show}} {
				if cmd.Flags().Changed(c.flag) {
					body[c.key] = c.value
				}
			}
			if len(args) == 3 {
				text, err := textOf(cmd, args[2:])
				if err != nil {
					return err
				}
				body["text"] = text
			}
			if len(body) == 0 {
				return misused(errors.New("nothing to change: give a text or a flag, such as --show=false"))
			}
			return r.patchPost(cmd, args, body)
		}),
	}
	cmd.Flags().StringVar(&author, "author", "", "`NAME` of the author")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	cmd.Flags().BoolVar(&show, "show", true, "show the post")
	return cmd
}

// patchPost changes a post, and prints it if the output is JSON.
func (r *remote) patchPost(cmd *cobra.Command, args []string, body any) error {
	var changed json.RawMessage
	if err := r.call(cmd.Context(), http.MethodPatch, postPath(args), body, &changed); err != nil {
		return onPost(fmt.Errorf("%s post: %w", cmd.Name(), err), args)
	}
	if asJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), changed)
	}
	return nil
}

func postDelete(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "delete CHANNEL POST",
		Short: "Delete a post",
		Long: `Delete a post. It disappears from every page that shows it. This can't be undone.
To take a post off the pages and keep it, use "motacilla post hide".`,
		Example:           "  motacilla post delete match-42 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3",
		Args:              arguments,
		ValidArgsFunction: r.places,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := r.call(cmd.Context(), http.MethodDelete, postPath(args), nil, nil); err != nil {
				return onPost(fmt.Errorf("delete post: %w", err), args)
			}
			return nil
		}),
	}
}

// switches are the commands that set one property of a post.
var switches = [...]postChange{
	{"hide", "Take a post off the pages, and keep it",
		`Take a post off the pages, and keep it. Its text is not sent to readers until "motacilla post show".`,
		"show", false},
	{"show", "Show a hidden post", `Show a hidden post, in its old place.`, "show", true},
	{"pin", "Keep a post at the top", `Keep a post at the top of the page, until "motacilla post unpin".`, "pinned", true},
	{"unpin", "Move a pinned post back to its place", `Move a pinned post back to its place among the others.`, "pinned", false},
}

type postChange struct {
	name, short, long string
	key               string // in the request's body
	value             bool
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
			return r.patchPost(cmd, args, map[string]bool{s.key: s.value})
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

func postsPath(channel string) string { return channelPath(channel) + "/posts" }

func postPath(args []string) string { return postsPath(args[0]) + "/" + args[1] }

func onPost(err error, args []string) error {
	if isMissing(err) {
		return coded{fmt.Errorf("there is no post %s on the channel %s", args[1], args[0]), exitNotFound}
	}
	return err
}
