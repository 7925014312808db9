package main

import (
	"context"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/spf13/cobra"
)

// completionTime is the longest that the shell waits for a server.
const completionTime = 2 * time.Second

// addCompletion adds cobra's completion command, with a help that says how to install the script.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		group(cmd)
		cmd.Annotations[textual] = "true"
		cmd.Short = "Print a script that makes a shell complete commands"
		cmd.Long = `Print a script that makes a shell complete the commands of motacilla with Tab: names, flags and their values, and,
if a server answers, channels and posts.

To try it, in bash or zsh:   source <(motacilla completion bash)     # or zsh
To keep it, in

  bash        motacilla completion bash >/etc/bash_completion.d/motacilla          (needs the package bash-completion)
  zsh         motacilla completion zsh >"${fpath[1]}/_motacilla"                   (with compinit in ~/.zshrc)
  fish        motacilla completion fish >~/.config/fish/completions/motacilla.fish
  PowerShell  motacilla completion powershell | Out-String | Invoke-Expression     (in the profile)

and open a new shell.`
		cmd.Example = "  motacilla completion bash >/etc/bash_completion.d/motacilla"
		for _, shell := range cmd.Commands() {
			name := shell.Name()
			shell.Annotations = map[string]string{textual: "true"}
			shell.Short = "Print the script for " + name
			shell.Long = "Print the script that makes " + name + " complete the commands of motacilla.\n" +
				`"motacilla completion --help" says how to install it.`
			shell.Example = "  motacilla completion " + name
			shell.RunE = does(shell.RunE)
		}
	}
}

// words completes one of a few words.
func words(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// listed completes the last word of a list that is separated by commas.
func listed(list ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var found []cobra.Completion
		for _, word := range list {
			found = append(found, before+word)
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeKeys completes the values of the configuration's keys that have a few possible values.
func completeKeys(cmd *cobra.Command, schema *app.Schema) {
	for _, k := range schema.Keys() {
		if k.Choices != nil {
			must(cmd.RegisterFlagCompletionFunc(k.Name, words(k.Choices...)))
		}
	}
	for key, complete := range map[string]cobra.CompletionFunc{
		"storage.type": words(schema.Types("storage")...),
		"publishers":   listed(schema.Types("publishers")...),
		"receivers":    listed(schema.Types("receivers")...),
	} {
		must(cmd.RegisterFlagCompletionFunc(key, complete))
	}
	must(cmd.MarkFlagFilename("config", "yaml", "yml"))
}

// places completes CHANNEL, POST, DRAFT and the NAME of a token from the server, if one answers in time.
func (r *remote) places(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	wanted := strings.Fields(cmd.Use)[1:]
	if len(args) >= len(wanted) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	switch strings.Trim(wanted[len(args)], "[]") {
	case "CHANNEL":
		found = r.channelIDs(ctx)
	case "POST":
		found = r.postIDs(ctx, args[0])
	case "DRAFT":
		found = r.draftIDs(ctx, args[0])
	case "NAME":
		found = r.tokenNames(ctx)
	}
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// channelIDs returns the IDs of the first page of channels, or none if the server does not answer.
func (r *remote) channelIDs(ctx context.Context) []cobra.Completion {
	c, err := r.client()
	if err != nil {
		return nil
	}
	page, err := c.ChannelPage(ctx, "", 0)
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
		return nil
	}
	var found []cobra.Completion
	for _, ch := range page.Channels {
		found = append(found, cobra.CompletionWithDesc(string(ch.ID), ch.Title))
	}
	return found
}

// postIDs returns the IDs of the newest posts, or none if the server does not answer.
func (r *remote) postIDs(ctx context.Context, channel string) []cobra.Completion {
	c, err := r.client()
	if err != nil {
		return nil
	}
	page, err := c.PostPage(ctx, motacilla.ChannelID(channel), "", 20)
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
		return nil
	}
	var found []cobra.Completion
	for _, p := range page.Posts {
		found = append(found, cobra.CompletionWithDesc(string(p.ID), brief(lineOf(p))))
	}
	return found
}
