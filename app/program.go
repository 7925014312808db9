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

// Main is a whole program: it runs the app, and takes every key of the configuration as a flag. --help lists them.
// --print-config prints a configuration file to start from, with the values of the other flags, and --print-schema prints
// the JSON Schema of the file. If the app fails, Main writes the error to standard error and exits with status 1, or 2 if an
// argument is wrong.
func Main(opts ...fx.Option) { os.Exit(program(os.Args, os.Stdout, os.Stderr, opts...)) }

func program(args []string, stdout, stderr io.Writer, opts ...fx.Option) (status int) {
	name := filepath.Base(args[0])
	err := Run(append(opts, fx.Supply(&arguments{name, args[1:]}))...)
	text, usage := printWanted(""), (*usageError)(nil)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &text):
		fmt.Fprint(stdout, string(text))
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\nSee %s --help.\n", name, err, name)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return 1
}

// arguments are the arguments of a program. They are parsed when the keys are known.
type arguments struct {
	program string
	list    []string
}

// printWanted is the error that stands for --help and --print-*. Its text is what the program prints instead of running.
type printWanted string

func (printWanted) Error() string { return "text was asked for" }

// usageError is an error in the arguments.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// over returns in, overridden by what the arguments give.
func (a *arguments) over(in Input, s *Schema) (Input, error) {
	set := pflag.NewFlagSet(a.program, pflag.ContinueOnError)
	set.Usage = func() {}
	flags := s.Flags(set)
	config := set.Bool("print-config", false, "print a configuration file to start from, with the values of the other flags, and exit")
	jsonSchema := set.Bool("print-schema", false, "print the JSON Schema of the configuration file, for editors, and exit")
	err := set.Parse(a.list)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return in, printWanted(fmt.Sprintf("Usage: %s [flags]\n\n%s\n", a.program, set.FlagUsages()) +
			"The configuration file and the environment have the same keys: --server.addr is server.addr " +
			"in the file and MOTACILLA_SERVER_ADDR in the environment.\n")
	case err != nil:
		return in, &usageError{flags.Explain(err)}
	case set.NArg() > 0:
		return in, &usageError{fmt.Errorf("unexpected argument %q: this program takes only flags", set.Arg(0))}
	}
	said := flags.Input()
	switch {
	case *config:
		return in, printed(s.Starter(said.Flags))
	case *jsonSchema:
		return in, printed(s.JSONSchema())
	}
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

// printed returns the error that stands for a text. It takes the results of what makes the text.
func printed(text []byte, err error) error {
	if err != nil {
		return err
	}
	return printWanted(text)
}
