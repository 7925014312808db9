package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"

	"github.com/motacilla-live/motacilla/app"
	"github.com/spf13/cobra"
)

func initCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration file to start from",
		Long: `Write a configuration file with every key, its meaning and its default. FILE is ` + app.DefaultFile + ` if it is left out.
It sets the address, the name of the site, the log's level, the store, the publishers and the receivers, and what the
flags give. All other keys are comments. The flags are those of "motacilla serve". The environment is not read.

Next to FILE it writes ` + app.SchemaFile + `, the JSON Schema by which an editor completes and checks FILE.

If the store is not a file, server.token must be configured. If no flag gives it, init makes a new one. If FILE has a
secret, only its owner may read it. Files that exist are not replaced, unless --force is given.`,
		Example: `  motacilla init
  motacilla init --page.name "Cup live" --publishers sse,long-polling
  motacilla init /etc/motacilla/motacilla.yaml --server.addr :8080 --storage.type postgres`,
		Args: arguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace files that exist")
	keys := configured(cmd)
	must(cmd.Flags().MarkHidden("config"))
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		in, err := keys()
		if err != nil {
			return err
		}
		if in.File != "" {
			return misused(errors.New("--config names a file to read; give the file to write without it: motacilla init " + in.File))
		}
		name := app.DefaultFile
		if len(args) > 0 {
			name = args[0]
		}
		c, err := startingPoint(in.Flags)
		if err != nil {
			return err
		}
		jsonSchema := newFile{filepath.Join(filepath.Dir(name), app.SchemaFile), c.jsonSchema, 0o644, true}
		if err := writeNew(force, newFile{name, c.yaml, c.mode, false}, jsonSchema); err != nil {
			return err
		}
		for _, advice := range c.advice {
			fmt.Fprintln(cmd.ErrOrStderr(), advice)
		}
		if asJSON(cmd) {
			return printValue(cmd.OutOrStdout(), map[string]string{"file": name, "schema": jsonSchema.name})
		}
		out := &output{w: cmd.OutOrStdout()}
		fmt.Fprintf(out, "%s: the configuration, with every key\n%s: its JSON Schema, for editors\n", name, jsonSchema.name)
		command := "motacilla serve"
		if filepath.Clean(name) != app.DefaultFile {
			command += " --config " + name
		}
		fmt.Fprintln(out, "Start the server with: "+command)
		return out.err
	})
	return cmd
}

// start is what init writes and says.
type start struct {
	yaml, jsonSchema []byte
	mode             fs.FileMode // of the file with yaml
	advice           []string    // what is left to do
}

// startingPoint returns the configuration that flags give, by key.
func startingPoint(flags map[string]string) (*start, error) {
	schema, err := allKeys()
	if err != nil {
		return nil, err
	}
	c, err := schema.Load(app.Input{YAML: []byte{}, Env: []string{}, Flags: flags})
	if err != nil {
		return nil, err
	}
	s := &start{mode: 0o644}
	for _, v := range c.Values {
		if (v.Key == "storage.url" || v.Key == "storage.path") && v.Value == "" {
			s.advice = append(s.advice, fmt.Sprintf("Set %s in the file, or %s in the environment, before the first start.",
				v.Key, envOf(schema, v.Key)))
		}
	}
	flags = maps.Clone(flags)
	if c.TokenPath() == "" && flags["server.token"] == "" {
		flags["server.token"] = rand.Text()
		s.advice = append(s.advice, "The file has a new token, server.token. All nodes of a site must have the same one.")
	}
	for _, k := range schema.Keys() {
		if k.Secret && flags[k.Name] != "" {
			s.mode = 0o600
		}
	}
	if s.yaml, err = schema.Starter(flags); err != nil {
		return nil, err
	}
	s.jsonSchema, err = schema.JSONSchema()
	return s, err
}

// envOf returns the name that a key has in the environment.
func envOf(schema *app.Schema, key string) string {
	for _, k := range schema.Keys() {
		if k.Name == key {
			return k.Env
		}
	}
	return ""
}
