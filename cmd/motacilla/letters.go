package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/spf13/cobra"
)

const lettersHelp = `A letter is what a target, such as one of the publisher webhook, has not taken for as long as it was
tried, or has refused. It has no content: sent again, it is everything that has happened on its channel since. There is at most one
letter for each relay and channel. A relay whose target answered 410 Gone rests, and has a letter without a channel.

`

func lettersCommand() *cobra.Command {
	l := &letters{}
	cmd := &cobra.Command{
		Use:   "letters",
		Short: "See what targets did not take, and send it again",
		Long: `List what targets did not take, with when it was given up and why. Subcommands send it again, or forget it.

` + lettersHelp + storageHelp,
		Example: `  motacilla letters
  motacilla letters send partner match-42`,
		Args: known,
		RunE: does(func(cmd *cobra.Command, _ []string) error { return l.run(cmd, nil, l.list) }),
	}
	cmd.PersistentFlags().StringVar(&l.config, "config", "",
		"configuration file; or else MOTACILLA_CONFIG, or else motacilla.yaml if it exists")
	cmd.PersistentFlags().StringVar(&l.at, "storage", "", "`STORE` that has the letters; without it, the configuration's")
	cmd.AddCommand(l.sendCommand(), l.dropCommand())
	return cmd
}

// letters are the flags of the commands.
type letters struct {
	storageFlags
	at   string
	wait time.Duration
}

func (l *letters) sendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send [NAME [CHANNEL]]",
		Short: "Send letters again, and wait for what comes of it",
		Long: `Send letters again: all, those of the relay with this NAME, or the one of this CHANNEL. A relay that rests goes on. The server
sends them, so it must be running. The command waits until it has done so, and says what came of it. A letter that waits
longer than --wait is sent as soon as a server looks at it. The exit code is 1 if a letter was not sent.

` + lettersHelp + storageHelp,
		Example: `  motacilla letters send
  motacilla letters send partner
  motacilla letters send partner match-42 --config /etc/motacilla.yaml`,
		Args: relayAndChannel(0),
		RunE: does(func(cmd *cobra.Command, args []string) error { return l.run(cmd, args, l.send) }),
	}
	cmd.Flags().DurationVar(&l.wait, "wait", time.Minute, "how long to wait for what comes of it")
	return cmd
}

func (l *letters) dropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop NAME [CHANNEL]",
		Short: "Forget letters",
		Long: `Forget the letters of the relay with this NAME, or the one of this CHANNEL. Who follows the target gets what it lacks from the
server's page or API, or not at all. A relay that rests stays at rest.

` + lettersHelp + storageHelp,
		Example: `  motacilla letters drop partner match-42
  motacilla letters drop partner`,
		Args: relayAndChannel(1),
		RunE: does(func(cmd *cobra.Command, args []string) error { return l.run(cmd, args, l.drop) }),
	}
}

// relayAndChannel checks arguments that are a relay's name and a channel, of which so many must be there.
func relayAndChannel(least int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return errors.New("NAME is missing")
		case len(args) > 2:
			return fmt.Errorf("%q is one argument too many", args[2])
		case len(args) == 2:
			return checkChannel(args[1])
		}
		return nil
	}
}

// run opens the store, and calls do with the letters that the arguments name.
func (l *letters) run(cmd *cobra.Command, args []string, do func(*cobra.Command, *relay.Letters, []relay.Letter) error) (err error) {
	ctx, cancel := interruptible(cmd)
	defer cancel()
	cmd.SetContext(ctx)
	store, err := l.open(ctx, "--storage", l.at, false)
	if err != nil {
		return err
	}
	defer func() { err = store.close(err) }()
	all := relay.NewLetters(store.Records())
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	list, err := all.List(ctx, name)
	if err == nil && len(args) == 2 {
		var one relay.Letter
		one, err = all.Get(ctx, name, motacilla.ChannelID(args[1]))
		list = []relay.Letter{one}
	}
	if errors.Is(err, motacilla.ErrNotFound) || err == nil && len(list) == 0 && name != "" {
		return fmt.Errorf("there is no letter of %s; motacilla letters lists them", nameOf(args))
	}
	if err != nil {
		return storageFailed(ctx, err, "run the same command again")
	}
	return storageFailed(ctx, do(cmd, all, list), "run the same command again")
}

func nameOf(args []string) string {
	if len(args) == 2 {
		return args[0] + " for " + args[1]
	}
	return args[0]
}

// letterJSON is a letter as it is printed.
type letterJSON struct {
	Relay   string              `json:"relay"`
	Channel motacilla.ChannelID `json:"channel,omitempty"`
	Since   string              `json:"since"`
	Failed  string              `json:"failed"`
	Error   string              `json:"error"`
	Result  string              `json:"result,omitempty"`
}

func shownLetter(l relay.Letter, result string) letterJSON {
	return letterJSON{l.Relay, l.Channel, motacilla.FormatTime(l.Since), motacilla.FormatTime(l.Failed), l.Error, result}
}

func (l *letters) list(cmd *cobra.Command, _ *relay.Letters, list []relay.Letter) error {
	shown := []letterJSON{}
	t := &table.Table{Columns: []table.Column{{Title: "RELAY"}, {Title: "CHANNEL"}, {Title: "SINCE"}, {Title: "ERROR", Flexible: true}}}
	for _, it := range list {
		shown = append(shown, shownLetter(it, ""))
		channel := string(it.Channel)
		if channel == "" {
			channel = "(it rests)"
		}
		t.Add(it.Relay, channel, it.Since.UTC().Format(time.RFC3339), it.Error)
	}
	switch {
	case asJSON(cmd):
		return printValue(cmd.OutOrStdout(), map[string]any{"letters": shown})
	case len(list) == 0:
		return printed(fmt.Fprintln(cmd.OutOrStdout(), "There are no letters."))
	}
	return printTable(cmd.OutOrStdout(), t)
}

func (l *letters) drop(cmd *cobra.Command, all *relay.Letters, list []relay.Letter) error {
	dropped := []letterJSON{}
	for _, it := range list {
		if it.Channel == "" {
			continue
		}
		if err := all.Drop(cmd.Context(), it); err != nil {
			return err
		}
		dropped = append(dropped, shownLetter(it, "dropped"))
	}
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), map[string]any{"letters": dropped})
	}
	return printed(fmt.Fprintf(cmd.OutOrStdout(), "%s dropped.\n", count(int64(len(dropped)), "letter")))
}
