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
		Short: "Copy the SQLite store, also while the server runs",
		Long: `Copy the SQLite store that the configuration names to FILE, also while the server runs. Readers and writers do not
wait for it. The copy is of one moment: it has every post that was acknowledged before the backup began. It is checked.
FILE appears only when the copy is complete and on the disk. FILE must not exist, unless --force is given.

The flags are those of "motacilla serve"; only storage.type, storage.path and storage.prefix matter. If the server
made its own token, the file motacilla.token in the folder of the store has it; the copy does not.

To restore a copy: stop the server, put the copy in the place of the store, remove the files with the same name that end
in -wal and -shm, run "motacilla storage barrier", and start the server.`,
		Example: `  motacilla backup backup.db
  motacilla backup "/var/backups/motacilla-$(date +%F).db" --config /etc/motacilla.yaml
  motacilla backup backup.db --force --storage.path /srv/live/motacilla.db`,
		Args: arguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // files
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it exists")
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
		path, prefix, err := storePath(c)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		copied, err := sqlite.Backup(ctx, path, args[0], &sqlite.BackupOptions{Overwrite: force, Prefix: prefix})
		switch {
		case errors.Is(err, motacilla.ErrExists):
			return fmt.Errorf("%s exists already; choose another name, or replace it with --force", args[0])
		case errors.Is(err, motacilla.ErrNotFound):
			return fmt.Errorf("%w; give the store with --config or --storage.path", err)
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
		return printed(fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, %s, checked\n", args[0],
			count(int64(copied.Channels), "channel"), count(int64(copied.Posts), "post"), count(copied.Bytes, "byte")))
	})
	return cmd
}

// storePath returns the file of the store in force, and the prefix of its tables. If the store is of another type, the error
// says how to copy it.
func storePath(c *app.Config) (path, prefix string, err error) {
	const only = "backup copies an SQLite store, and storage.type is %s: %s"
	switch c.Storage.Type {
	case "sqlite":
		for _, v := range c.Values {
			switch v.Key {
			case "storage.path":
				path = v.Value
			case "storage.prefix":
				prefix = v.Value
			}
		}
		if path == "" {
			return "", "", errors.New("storage.path is not set")
		}
		return path, prefix, nil
	case "memory":
		return "", "", fmt.Errorf(only, c.Storage.Type, "a store in memory ends with its server; "+
			"give --storage.type sqlite and --storage.path, or the --config that the server has")
	case "postgres":
		return "", "", fmt.Errorf(only, c.Storage.Type, `use pg_dump, as in: pg_dump --format custom --file live.dump "URL"`)
	case "redis":
		return "", "", fmt.Errorf(only, c.Storage.Type, "use Redis' own files: BGSAVE writes the RDB file")
	}
	return "", "", fmt.Errorf(only, c.Storage.Type, "use the tools of that store")
}
