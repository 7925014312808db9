package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/app"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// group makes cmd a command that only has subcommands. By itself it prints its help; cobra would do so for an unknown
// subcommand too.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{isGroup: "true"}
	cmd.Args = known
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

const (
	isGroup = "group"   // annotation: only has subcommands
	textual = "textual" // annotation: prints no JSON
)

// known refuses all arguments. If cmd has subcommands, the error says that there is no such one.
func known(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasAvailableSubCommands() {
		return fmt.Errorf("%q is one argument too many: %s takes none", args[0], cmd.CommandPath())
	}
	err := fmt.Errorf("there is no command %q of %s", args[0], cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
	}
	names := []string{}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return fmt.Errorf("%w; there are: %s", err, strings.Join(names, ", "))
}

// explain returns err, of a wrong flag, with what to do about it.
func explain(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" { // pflag reads -server.addr as many short flags
			name, _, _ = strings.Cut(letters, "=")
			err = fmt.Errorf("unknown flag: -%s", name)
		}
		if near := nearestFlag(cmd, name); near != "" {
			return fmt.Errorf("%w; did you mean --%s?", err, near)
		}
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %s: %w", invalid.GetFlag().Name, invalid.GetValue(), expected(invalid))
	}
	return err
}

func expected(err *pflag.InvalidValueError) error {
	switch err.GetFlag().Value.Type() {
	case "bool":
		return errors.New("must be true or false")
	case "int":
		return errors.New("must be a whole number")
	}
	return err.Unwrap()
}

// nearestFlag returns the flag that was probably meant, or "" if no flag is like name. Of a configuration key the last
// word is enough, as addr for server.addr.
func nearestFlag(cmd *cobra.Command, name string) string {
	names, endings := []string{"help"}, []string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names = append(names, f.Name)
		if strings.HasSuffix(f.Name, "."+name) && !f.Hidden {
			endings = append(endings, f.Name)
		}
	})
	near := app.Nearest(name, names)
	if len(endings) == 1 && near != name {
		return endings[0]
	}
	if strings.Contains(name, ".") || name != "" && near != "" && name[0] == near[0] {
		return near
	}
	return ""
}

// choice is a flag whose value is one of a few words.
type choice struct {
	value string
	known []string
}

func (c *choice) String() string { return c.value }

func (c *choice) Type() string { return strings.Join(c.known, "|") }

func (c *choice) Set(value string) error {
	if !slices.Contains(c.known, value) {
		return fmt.Errorf("known: %s", strings.Join(c.known, ", "))
	}
	c.value = value
	return nil
}

// usageTemplate is cobra's, with two changes. A group is not shown as a command that does something by itself, and a
// command that prints no JSON does not show --output.
const usageTemplate = `Usage:{{if and .Runnable (not (index .Annotations "group"))}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if eq (len .Groups) 0}}

Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{else}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if not .AllChildCommandsHaveGroup}}

Other commands:{{range $cmds}}{{if (and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if and .HasAvailableInheritedFlags (not (index .Annotations "textual"))}}

Flags of several commands:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

Use "{{.CommandPath}} [command] --help" for more information about a command.{{end}}
`
