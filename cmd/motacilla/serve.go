package main

import (
	"sync"

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

The configuration comes from a YAML file, from the environment and from flags; flags win over the environment, which
wins over the file. The file is --config, or else MOTACILLA_CONFIG, or else ./motacilla.yaml if it exists. A key has the
same name in the file and as a flag; --server.addr is MOTACILLA_SERVER_ADDR in the environment. Without configuration,
the server keeps posts in motacilla.db and listens on 127.0.0.1:8080. As a flag and in the environment, a list has commas
between its elements. "motacilla config" prints the configuration that is in force, and where each value comes from.

server.token is the secret for writing. If it is not configured, the first start makes one, prints it once, and keeps it
in motacilla.token in the folder of the data.`,
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

// allKeys returns the keys of the configuration. Several commands need them, and they are made of a graph of all adapters.
var allKeys = sync.OnceValues(func() (*app.Schema, error) { return app.SchemaOf(standard.Module) })

// configured gives cmd the configuration's keys as flags. The function that it returns reads them.
func configured(cmd *cobra.Command) func() (app.Input, error) {
	schema, err := allKeys()
	if err != nil {
		return func() (app.Input, error) { return app.Input{}, err }
	}
	flags := schema.Flags(cmd.Flags())
	completeKeys(cmd, schema)
	return func() (app.Input, error) { return flags.Input(), nil }
}

// load reads the configuration as serve does.
func load(in app.Input) (*app.Config, error) {
	schema, err := allKeys()
	if err != nil {
		return nil, err
	}
	return schema.Load(in)
}
