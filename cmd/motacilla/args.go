package main

import (
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/spf13/cobra"
)

// arguments checks a command's arguments against its Use, in which CHANNEL is required and [TEXT] is optional. A channel,
// post or draft whose ID is invalid is an error.
func arguments(cmd *cobra.Command, args []string) error {
	words := strings.Fields(cmd.Use)[1:]
	text := false
	for i, word := range words {
		name, optional := strings.CutPrefix(word, "[")
		name = strings.TrimSuffix(name, "]")
		text = text || name == "TEXT"
		if i >= len(args) {
			if !optional {
				return fmt.Errorf("%s is missing", name)
			}
			continue
		}
		if err := checkArgument(name, args[i]); err != nil {
			return err
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

func checkArgument(name, value string) error {
	switch name {
	case "CHANNEL":
		return checkChannel(value)
	case "POST":
		if _, err := motacilla.ParsePostID(value); err != nil {
			return fmt.Errorf("%q is no post's ID; \"motacilla post list CHANNEL\" prints them", value)
		}
	case "DRAFT":
		if _, err := motacilla.ParsePostID(value); err != nil {
			return fmt.Errorf("%q is no draft's ID; \"motacilla draft list CHANNEL\" prints them", value)
		}
	}
	return nil
}

func checkChannel(id string) error {
	if _, err := motacilla.ParseChannelID(id); err != nil {
		return fmt.Errorf("%q can't be a channel's ID: those are 1 to 255 of A-Z a-z 0-9 - . _ ~ : @ +", id)
	}
	return nil
}
