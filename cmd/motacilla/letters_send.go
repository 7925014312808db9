package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/spf13/cobra"
)

// What may come of a letter.
const (
	letterSent    = "sent"
	letterFailed  = "failed"
	letterWaiting = "waiting"
)

// send marks the letters, and waits for the servers.
func (l *letters) send(cmd *cobra.Command, all *relay.Letters, list []relay.Letter) error {
	ctx := cmd.Context()
	asked := make([]string, len(list))
	for i, it := range list {
		var err error
		if asked[i], err = all.Ask(ctx, it); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
	}
	until, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	results := []letterJSON{}
	missed := 0
	for i, it := range list {
		now, result, err := await(until, all, it, asked[i])
		if err != nil {
			return err
		}
		if result != letterSent {
			missed++
		}
		results = append(results, shownLetter(now, result))
		if !asJSON(cmd) {
			if err := printed(fmt.Fprintln(cmd.OutOrStdout(), outcome(now, result, l.wait))); err != nil {
				return err
			}
		}
	}
	if asJSON(cmd) {
		if err := printValue(cmd.OutOrStdout(), map[string]any{"letters": results}); err != nil {
			return err
		}
	} else if len(list) == 0 {
		return printed(fmt.Fprintln(cmd.OutOrStdout(), "There are no letters."))
	}
	if missed > 0 {
		return fmt.Errorf("%d of %s not sent", missed, count(int64(len(list)), "letter"))
	}
	return nil
}

// await waits until a server has done with a letter, or ctx ends.
func await(ctx context.Context, all *relay.Letters, l relay.Letter, asked string) (now relay.Letter, result string, err error) {
	for {
		now, err := all.Get(context.WithoutCancel(ctx), l.Relay, l.Channel)
		switch {
		case errors.Is(err, motacilla.ErrNotFound):
			return l, letterSent, nil
		case err != nil:
			return l, "", err
		case now.Asked != asked:
			return now, letterFailed, nil
		}
		select {
		case <-ctx.Done():
			return now, letterWaiting, nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// outcome says what came of a letter.
func outcome(l relay.Letter, result string, waited time.Duration) string {
	name := l.Relay
	if l.Channel != "" {
		name += " " + string(l.Channel)
	}
	switch {
	case result == letterFailed:
		return name + ": failed again: " + l.Error
	case result == letterWaiting:
		return fmt.Sprintf("%s: no server has sent it within %v; it is sent as soon as one does", name, waited)
	case l.Channel == "":
		return name + ": goes on"
	}
	return name + ": sent"
}
