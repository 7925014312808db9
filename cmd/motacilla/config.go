package main

import (
	"fmt"
	"io"
	"time"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration in force, and where each value comes from",
		Long: `Print the configuration that "motacilla serve" has with the same flags: each value, and whether it comes from a flag,
the environment, the file or the default. Secrets are masked. If the configuration is wrong, the errors are those of
serve, except those that only a start can find, such as a port that is in use.

A terminal gets a table that fits its width. A file or a pipe gets one line for each key: key, value and origin,
separated by tabs. --output yaml prints a configuration file that says the same. With --output json each value has its
own type. "motacilla config keys" lists all keys. "motacilla init" writes a file to start from.`,
		Example: `  motacilla config
  motacilla config --config /etc/motacilla.yaml --server.addr :9000
  motacilla config --output yaml >motacilla.yaml
  motacilla config --output json | jq -r '.values[] | select(.origin != "default") | .key'`,
		Args: known,
	}
	cmd.Flags().VarP(&choice{"text", []string{"text", "json", "yaml"}}, outputFlag, "o", "what is printed")
	must(cmd.RegisterFlagCompletionFunc(outputFlag, words("text", "json", "yaml")))
	keys := configured(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		in, err := keys()
		if err != nil {
			return err
		}
		c, err := load(in)
		if err != nil {
			return err
		}
		switch outputOf(cmd) {
		case "json":
			return printValue(cmd.OutOrStdout(), configJSON(c))
		case "yaml":
			return printYAML(cmd.OutOrStdout(), c)
		}
		fmt.Fprintln(cmd.ErrOrStderr(), fileOf(c))
		return printConfig(cmd.OutOrStdout(), c)
	})
	cmd.AddCommand(configKeys(), configSchema())
	return cmd
}

// fileOf returns a sentence that names the configuration file.
func fileOf(c *app.Config) string {
	if c.File == "" {
		return "No configuration file: there is no ./" + app.DefaultFile + ", and none is named."
	}
	return "Configuration file: " + c.File
}

func printConfig(w io.Writer, c *app.Config) error {
	t := &table.Table{Columns: []table.Column{
		{Title: "KEY"}, {Title: "VALUE", Flexible: true}, {Title: "ORIGIN", Flexible: true},
	}}
	for _, v := range c.Values {
		t.Add(v.Key, v.Value, v.Origin)
	}
	return printTable(w, t)
}

type configValue struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
	Secret bool   `json:"secret"`
}

type configAnswer struct {
	File   *string       `json:"file"`
	Values []configValue `json:"values"`
}

func configJSON(c *app.Config) configAnswer {
	answer := configAnswer{Values: []configValue{}}
	if c.File != "" {
		answer.File = &c.File
	}
	for _, v := range c.Values {
		answer.Values = append(answer.Values, configValue{v.Key, plainValue(v.Raw), v.Origin, v.Secret})
	}
	return answer
}

// plainValue returns a value as a file has it: a duration is text, and a list is never null.
func plainValue(v any) any {
	switch v := v.(type) {
	case time.Duration:
		return v.String()
	case []string:
		return append([]string{}, v...)
	}
	return v
}

func configKeys() *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "List every key of the configuration",
		Long: `List every key of the configuration: its name in the file and as a flag, its name in the environment, its default, and
what it means. A terminal gets a table that fits its width; a file or a pipe gets columns separated by tabs.`,
		Example: `  motacilla config keys
  motacilla config keys | grep ^server.limits`,
		Args: known,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			schema, err := allKeys()
			if err != nil {
				return err
			}
			type key struct {
				Key         string `json:"key"`
				Environment string `json:"environment"`
				Default     string `json:"default"`
				Doc         string `json:"doc"`
				Secret      bool   `json:"secret"`
			}
			list := []key{}
			t := &table.Table{Columns: []table.Column{
				{Title: "KEY"}, {Title: "ENVIRONMENT", Flexible: true}, {Title: "DEFAULT", Flexible: true},
				{Title: "WHAT", Flexible: true},
			}}
			for _, k := range schema.Keys() {
				list = append(list, key{k.Name, k.Env, k.Default, k.Doc, k.Secret})
				t.Add(k.Name, k.Env, k.Default, k.Doc)
			}
			if asJSON(cmd) {
				return printValue(cmd.OutOrStdout(), map[string][]key{"keys": list})
			}
			return printTable(cmd.OutOrStdout(), t)
		}),
	}
}
