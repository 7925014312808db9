package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/motacilla-live/motacilla/cmd/motacilla/internal/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// outputFlag is the flag that chooses between text and JSON.
const outputFlag = "output"

// addOutput gives root and its subcommands the flag. Commands that print no JSON refuse it.
func addOutput(root *cobra.Command) {
	root.PersistentFlags().VarP(&choice{"text", []string{"text", "json"}}, outputFlag, "o",
		"what is printed")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Annotations[textual] != "" && outputOf(cmd) != "text" {
			return fmt.Errorf("%s prints no JSON; leave out --output", cmd.CommandPath())
		}
		return nil
	}
	must(root.RegisterFlagCompletionFunc(outputFlag, words("text", "json")))
}

func outputOf(cmd *cobra.Command) string {
	if f := cmd.Flag(outputFlag); f != nil {
		return f.Value.String()
	}
	return "text"
}

func asJSON(cmd *cobra.Command) bool { return outputOf(cmd) == "json" }

// printValue prints v as JSON, indented.
func printValue(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return printed(w.Write(b.Bytes()))
}

// printTable prints t as wide as the terminal. If w is no terminal, it prints for a program.
func printTable(w io.Writer, t *table.Table) error { return printed(0, t.Print(w, terminalWidth(w))) }

// terminalWidth returns how many columns the terminal has, or 0 if w is no terminal. COLUMNS wins over the terminal.
func terminalWidth(w io.Writer) int {
	if !isTerminal(w) {
		return 0
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printed wraps the error of printing a command's result. It takes the results of Write.
func printed(_ int, err error) error {
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// output remembers the first error of writing to it.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.err = printed(n, err)
	return n, err
}

// must panics if err is not nil. It is for errors that only a mistake in this program causes.
func must(err error) {
	if err != nil {
		panic(errors.Join(errors.New("a command is defined wrongly"), err))
	}
}
