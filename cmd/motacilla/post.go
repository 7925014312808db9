package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/spf13/cobra"
)

func postCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "post", Short: "Write, change and remove posts"}
	r := remoteFlags(cmd)
	cmd.AddCommand(postAdd(r), postEdit(r), postDelete(r))
	return cmd
}

func postAdd(r *remote) *cobra.Command {
	var author, messageID string
	var pin, key, hide bool
	cmd := &cobra.Command{
		Use:   "add CHANNEL [TEXT]",
		Short: "Write a post, and print its ID",
		Long: `Write a post. Its text is the argument, else standard input; it may have simple HTML.
Each line is a paragraph of its own, and a line that is a link to a known provider is embedded.`,
		Example: `  motacilla post add match-42 "19 min: <strong>Goal!</strong>" --author Mara --key-event
  uptime | motacilla post add status`,
		Args: arguments,
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
			var made struct{ ID string }
			if err := r.call(cmd.Context(), http.MethodPost, postsPath(args[0]), body, &made); err != nil {
				return onChannel(fmt.Errorf("add post: %w", err), args[0])
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), made.ID))
		}),
	}
	cmd.Flags().StringVar(&author, "author", "", "who writes")
	cmd.Flags().StringVar(&messageID, "message-id", "", "an ID of your own: the same one again makes no second post")
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
		Long: `Change a post: what is given is changed, the rest stays. The text is the argument, or with - standard input.
To hide a post, give --show=false.`,
		Example: `  motacilla post edit match-42 0198c2a4-… "19 min: Goal, after all"
  motacilla post edit match-42 0198c2a4-… --pin --show=false`,
		Args: arguments,
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
				return errors.New("nothing to change: give a text or a flag, such as --show=false")
			}
			path, err := postPath(args)
			if err != nil {
				return err
			}
			if err := r.call(cmd.Context(), http.MethodPatch, path, body, nil); err != nil {
				return onPost(fmt.Errorf("edit post: %w", err), args)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&author, "author", "", "who writes")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the post at the top")
	cmd.Flags().BoolVar(&key, "key-event", false, "mark the post as a key event")
	cmd.Flags().BoolVar(&show, "show", true, "show the post")
	return cmd
}

func postDelete(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "delete CHANNEL POST",
		Short: "Remove a post",
		Args:  arguments,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			path, err := postPath(args)
			if err != nil {
				return err
			}
			if err := r.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return onPost(fmt.Errorf("delete post: %w", err), args)
			}
			return nil
		}),
	}
}

// textOf is the argument, else standard input.
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
		return "", errors.New("standard input has no text; give it as an argument, or pipe it in")
	}
	return text, nil
}

func postsPath(channel string) string { return "/api/channels/" + url.PathEscape(channel) + "/posts" }

func postPath(args []string) (string, error) {
	if _, err := motacilla.ParsePostID(args[1]); err != nil {
		return "", fmt.Errorf("%q is no post's ID; \"motacilla post add\" and \"motacilla tail\" print them", args[1])
	}
	return postsPath(args[0]) + "/" + args[1], nil
}

// onChannel says what to do where the channel is missing.
func onChannel(err error, channel string) error {
	if is(err, http.StatusNotFound) {
		return noChannel(channel)
	}
	return err
}

func noChannel(channel string) error {
	return fmt.Errorf("there is no channel %s; make it with: motacilla channel create %s", channel, channel)
}

func onPost(err error, args []string) error {
	if is(err, http.StatusNotFound) {
		return fmt.Errorf("there is no post %s on the channel %s", args[1], args[0])
	}
	return err
}
