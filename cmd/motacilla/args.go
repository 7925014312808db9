package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// arguments holds a command to the arguments that its Use names: CHANNEL must be there, [TEXT] may be.
func arguments(cmd *cobra.Command, args []string) error {
	words := strings.Fields(cmd.Use)[1:]
	text := false
	for i, word := range words {
		name, optional := strings.CutPrefix(word, "[")
		text = text || strings.HasPrefix(name, "TEXT")
		if i >= len(args) && !optional {
			return fmt.Errorf("%s is missing", name)
		}
	}
	switch {
	case len(args) <= len(words):
		return nil
	case text:
		return fmt.Errorf("%q is one argument too many; put quotes around a text of several words", args[len(words)])
	}
	return fmt.Errorf("%q is one argument too many", args[len(words)])
}

// printed is the error of having printed what the command is for.
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
