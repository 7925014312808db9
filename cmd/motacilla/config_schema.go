package main

import (
	"github.com/motacilla-live/motacilla/app"
	"github.com/spf13/cobra"
)

func configSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file, for editors",
		Long: `Print the JSON Schema (draft 2020-12) of the configuration file. With it an editor completes keys, shows their meaning,
and marks what is wrong. An editor with yaml-language-server reads the schema that the first line of the file names:

  # yaml-language-server: $schema=` + app.SchemaFile + `

"motacilla init" writes that line and the schema. Print the schema again after an upgrade.`,
		Example: "  motacilla config schema >" + app.SchemaFile,
		Args:    known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			schema, err := allKeys()
			if err != nil {
				return err
			}
			text, err := schema.JSONSchema()
			if err != nil {
				return err
			}
			return printed(cmd.OutOrStdout().Write(text))
		}),
	}
}
