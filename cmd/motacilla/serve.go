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
127.0.0.1:8080.

The token for writing is server.token. Where it is not configured one is made at the first start, kept in
motacilla.token beside the data, and printed once.`,
		Example: `  motacilla serve
  motacilla serve --storage.type memory --server.addr :9000
  MOTACILLA_PUBLISHERS=long-polling motacilla serve`,
		Args: cobra.NoArgs,
	}
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		cmd.RunE = does(func(*cobra.Command, []string) error { return err })
		return cmd
	}
	flags := schema.Flags(cmd.Flags())
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flags.Explain(err) })
	cmd.RunE = does(func(*cobra.Command, []string) error {
		in := flags.Input()
		return app.Run(standard.Module, fx.Supply(&in))
	})
	return cmd
}
