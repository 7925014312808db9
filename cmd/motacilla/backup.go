package main

import (
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"github.com/spf13/cobra"
)

func backupCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the SQLite store, while the server runs or not",
		Long: `Copy the SQLite store that the configuration names to FILE, while the server runs or not. Nobody waits for it, and the
copy is of one moment: it has every post that was acknowledged before the backup began. It is checked, and put in its
place only when it is whole and on the disk. FILE must not be there, unless there is --force.

It takes the flags of "motacilla serve"; what counts is the store: storage.type and storage.path. The token of a server
that made its own is kept beside the store, in motacilla.token, and is not in the copy.

To go back to a copy: stop the server, put the copy in the place of the store, remove the files beside it whose names
end in -wal and -shm, and start the server.`,
		Example: `  motacilla backup backup.db
  motacilla backup "/var/backups/motacilla-$(date +%F).db" --config /etc/motacilla.yaml
  motacilla backup backup.db --force --storage.path /srv/live/motacilla.db`,
		Args: arguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // files
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE where it is there")
	keys := configured(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		in, err := keys()
		if err != nil {
			return err
		}
		c, err := load(in)
		if err != nil {
			return err
		}
		path, err := storePath(c)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		copied, err := sqlite.Backup(ctx, path, args[0], &sqlite.BackupOptions{Overwrite: force})
		switch {
		case errors.Is(err, motacilla.ErrExists):
			return fmt.Errorf("%s is there already; choose another name, or replace it with --force", args[0])
		case errors.Is(err, motacilla.ErrNotFound):
			return fmt.Errorf("%w; say with --config or --storage.path where the store is", err)
		case err != nil:
			return err
		}
		if asJSON(cmd) {
			return printValue(cmd.OutOrStdout(), struct {
				From     string `json:"from"`
				To       string `json:"to"`
				Bytes    int64  `json:"bytes"`
				Channels int    `json:"channels"`
				Posts    int    `json:"posts"`
			}{path, args[0], copied.Bytes, copied.Channels, copied.Posts})
		}
		return printed(fmt.Fprintf(cmd.OutOrStdout(), "%s: %d channels, %d posts, %d bytes, checked\n",
			args[0], copied.Channels, copied.Posts, copied.Bytes))
	})
	return cmd
}

// storePath is the file of the store in force; of another kind of store the error says what copies that.
func storePath(c *app.Config) (string, error) {
	const only = "backup copies an SQLite store, and storage.type is %s: %s"
	switch c.Storage.Type {
	case "sqlite":
		for _, v := range c.Values {
			if v.Key == "storage.path" {
				return v.Value, nil
			}
		}
		return "", errors.New("storage.path is not there")
	case "memory":
		return "", fmt.Errorf(only, c.Storage.Type, "what is in memory ends with the server; "+
			"give --storage.type sqlite and --storage.path, or the --config that the server has")
	case "postgres":
		return "", fmt.Errorf(only, c.Storage.Type, `use pg_dump, as in: pg_dump --format custom --file live.dump "URL"`)
	case "redis":
		return "", fmt.Errorf(only, c.Storage.Type, "use Redis' own files: BGSAVE and the RDB file, beside appendonly yes")
	}
	return "", fmt.Errorf(only, c.Storage.Type, "use what that store has for it")
}
