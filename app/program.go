package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"go.uber.org/fx"
)

// Main is Run for a program that does nothing else, and takes the configuration's keys as its flags; --help lists them.
// An error goes to standard error and ends the program with status 1, a wrong argument with 2.
func Main(opts ...fx.Option) { os.Exit(program(os.Args, os.Stdout, os.Stderr, opts...)) }

func program(args []string, stdout, stderr io.Writer, opts ...fx.Option) (status int) {
	name := filepath.Base(args[0])
	err := Run(append(opts, fx.Supply(&arguments{name, args[1:]}))...)
	help, usage := helpWanted(""), (*usageError)(nil)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &help):
		fmt.Fprint(stdout, string(help))
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\nSee %s --help.\n", name, err, name)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return 1
}

// arguments are a program's, for newConfig, which knows the keys.
type arguments struct {
	program string
	list    []string
}

// helpWanted is the error of a program that is only to say what it takes.
type helpWanted string

func (helpWanted) Error() string { return "help was asked for" }

// usageError is of a program that was called wrongly.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// over returns in with what the arguments say above it.
func (a *arguments) over(in Input, s *Schema) (Input, error) {
	set := pflag.NewFlagSet(a.program, pflag.ContinueOnError)
	set.Usage = func() {}
	flags := s.Flags(set)
	err := set.Parse(a.list)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return in, helpWanted(fmt.Sprintf("Usage: %s [flags]\n\n%s\n", a.program, set.FlagUsages()) +
			"Each key may stand in the configuration file too, and in the environment: --server.addr is " +
			"MOTACILLA_SERVER_ADDR.\n")
	case err != nil:
		return in, &usageError{flags.Explain(err)}
	case set.NArg() > 0:
		return in, &usageError{fmt.Errorf("unexpected argument %q: this program takes flags alone", set.Arg(0))}
	}
	said := flags.Input()
	if said.File != "" {
		in.File, in.YAML = said.File, nil
	}
	merged := maps.Clone(in.Flags)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, said.Flags)
	in.Flags = merged
	return in, nil
}
