package main

import (
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/spf13/cobra"
	"go.uber.org/fx"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server: pages, the readers' transports and the REST interface.

The configuration comes from a YAML file (--config, else MOTACILLA_CONFIG, else ./motacilla.yaml where it exists),
from the environment and from flags, in rising order. A flag's name is the key in the file; --server.addr is
MOTACILLA_SERVER_ADDR in the environment. Without any, posts are kept in motacilla.db, and the server listens on
127.0.0.1:8080. "motacilla config" prints what is in force, and where it comes from.

The token for writing is server.token. Where it is not configured one is made at the first start, kept in
motacilla.token beside the data, and printed once.`,
		Example: `  motacilla serve
  motacilla serve --storage.type memory --server.addr :9000
  MOTACILLA_PUBLISHERS=long-polling motacilla serve`,
		Args:        known,
		Annotations: map[string]string{textual: "true"},
	}
	keys := configured(cmd)
	cmd.RunE = does(func(*cobra.Command, []string) error {
		in, err := keys()
		if err != nil {
			return err
		}
		return app.Run(standard.Module, fx.Supply(&in))
	})
	return cmd
}

// configured gives cmd the configuration's keys as flags, and returns what reads these.
func configured(cmd *cobra.Command) func() (app.Input, error) {
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		return func() (app.Input, error) { return app.Input{}, err }
	}
	flags := schema.Flags(cmd.Flags())
	completeKeys(cmd, schema)
	return func() (app.Input, error) { return flags.Input(), nil }
}

// load reads the configuration as serve would.
func load(in app.Input) (*app.Config, error) {
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		return nil, err
	}
	return schema.Load(in)
}
