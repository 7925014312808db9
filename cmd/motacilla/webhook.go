package main

import (
	"fmt"

	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/spf13/cobra"
)

func webhookCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "webhook",
		Short: "Try how documents of a webhook become posts, and list presets",
		Long: `Try how the documents of a source become posts, and list the presets: mappings that come with the program. A receiver
of the type webhook takes documents in JSON at /hooks/NAME. Nothing is written here, and no server is asked.`,
		Example: `  motacilla webhook presets
  motacilla webhook try release.json --preset github-releases --channel news`,
	})
	cmd.AddCommand(webhookTry(), webhookPresets())
	return cmd
}

func webhookPresets() *cobra.Command {
	return &cobra.Command{
		Use:   "presets [NAME]",
		Short: "List the presets, or print one as YAML",
		Long: `List the presets, or print the one with this NAME as YAML. An entry of receivers uses a preset by its name, as in
{type: webhook, preset: github-releases, secrets: [...], channel: news}. What the entry says itself wins. To change more,
copy the YAML into the entry.`,
		Example: `  motacilla webhook presets
  motacilla webhook presets alertmanager >mapping.yaml`,
		Args: arguments,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return presetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: does(func(cmd *cobra.Command, args []string) error {
			type preset struct {
				Name  string `json:"name"`
				About string `json:"about"`
				YAML  string `json:"yaml"`
			}
			if len(args) > 0 {
				p, err := webhook.FindPreset(args[0])
				switch {
				case err != nil:
					return misused(err)
				case asJSON(cmd):
					return printValue(cmd.OutOrStdout(), preset{p.Name, p.About, p.YAML})
				}
				return printed(fmt.Fprint(cmd.OutOrStdout(), p.YAML))
			}
			all, err := webhook.Presets()
			if err != nil {
				return err
			}
			list := []preset{}
			t := &table.Table{Columns: []table.Column{{Title: "NAME"}, {Title: "WHAT", Flexible: true}}}
			for _, p := range all {
				list = append(list, preset{p.Name, p.About, p.YAML})
				t.Add(p.Name, p.About)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string][]preset{"presets": list})
			}
			return printTable(cmd.OutOrStdout(), t)
		}),
	}
}

func presetNames() []string {
	all, err := webhook.Presets()
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}
