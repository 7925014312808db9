package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/spf13/cobra"
)

func storageBarrier(s *storageFlags) *cobra.Command {
	var at string
	var margin time.Duration
	cmd := &cobra.Command{
		Use:   "barrier [CHANNEL...]",
		Short: "Reset all readers after a backup was restored",
		Long: `Reset all readers after a backup was restored, or after a store has lost writes. Every channel, or each that is named,
gets a revision that is newer than any that was lost, and forgets its change log. Readers may have seen what is lost, so
they get the page again. Posts stay as they are. Run it before you start the servers again.

A revision is a time. --margin is how far the clocks of the old servers may have been ahead of this machine's.

` + storageHelp,
		Example: `  motacilla storage barrier
  motacilla storage barrier --storage postgres://live@db.example.org/live match-42`,
		Args: func(_ *cobra.Command, args []string) error {
			for _, id := range args {
				if err := checkChannel(id); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if margin < 0 || margin > 30*24*time.Hour {
			return errors.New("--margin: must be 0s to 720h, such as 10m")
		}
		return does(func(cmd *cobra.Command, args []string) error { return s.barrier(cmd, at, margin, args) })(cmd, args)
	}
	cmd.Flags().StringVar(&at, "storage", "", "`STORE` that was restored; without it, the configuration's")
	cmd.Flags().DurationVar(&margin, "margin", 10*time.Minute, "how far after the present time the revision is at least")
	return cmd
}

type barrier struct {
	Channel  motacilla.ChannelID `json:"channel"`
	Revision motacilla.Revision  `json:"revision"`
	Deleted  bool                `json:"deleted"`
}

func (s *storageFlags) barrier(cmd *cobra.Command, at string, margin time.Duration, names []string) (err error) {
	ctx, cancel := interruptible(cmd)
	defer cancel()
	store, err := s.open(ctx, "--storage", at, false)
	if err != nil {
		return err
	}
	defer func() { err = store.close(err) }()
	mover, ok := store.Store.(storage.Mover)
	if !ok {
		return fmt.Errorf("%s can't have barriers: a store of this type does not implement storage.Mover", store)
	}
	then := "run the same command again; a second barrier does no harm"
	var channels []barrier
	for after := motacilla.ChannelID(""); ; {
		list, err := mover.ChannelRecords(ctx, after, 500)
		if err != nil {
			return storageFailed(ctx, err, then)
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			after = c.ID
			if len(names) == 0 || slices.Contains(names, string(c.ID)) {
				channels = append(channels, barrier{Channel: c.ID, Deleted: c.Deleted})
			}
		}
	}
	if err := unknownChannels(names, channels); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if err := putBarriers(cmd, mover, channels, margin); err != nil {
		return storageFailed(ctx, err, then)
	}
	if asJSON(cmd) {
		return printValue(out, map[string]any{"storage": store.String(), "barriers": append([]barrier{}, channels...)})
	}
	return printed(fmt.Fprintf(out, "%s: %s set. Readers begin again.\n", store, count(int64(len(channels)), "barrier")))
}

func unknownChannels(names []string, there []barrier) error {
	var errs []error
	for _, name := range names {
		if !slices.ContainsFunc(there, func(b barrier) bool { return string(b.Channel) == name }) {
			errs = append(errs, fmt.Errorf("there is no channel %s in the store; no barrier was set", name))
		}
	}
	return errors.Join(errs...)
}

// putBarriers sets a barrier on each channel. It prints each at once, unless the output is JSON.
func putBarriers(cmd *cobra.Command, m storage.Mover, channels []barrier, margin time.Duration) error {
	for i := range channels {
		b := &channels[i]
		rev, err := m.Barrier(cmd.Context(), b.Channel, motacilla.Revision(time.Now().Add(margin).UnixMicro()))
		if err != nil {
			return err
		}
		b.Revision = rev
		if asJSON(cmd) {
			continue
		}
		deleted := ""
		if b.Deleted {
			deleted = " (deleted)"
		}
		at := rev.Time().Format("2006-01-02 15:04:05Z")
		if err := printed(fmt.Fprintf(cmd.OutOrStdout(), "%s  %d  %s%s\n", b.Channel, rev, at, deleted)); err != nil {
			return err
		}
	}
	return nil
}
