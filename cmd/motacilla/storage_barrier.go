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
		Short: "After a backup was restored: have every reader begin anew",
		Long: `After a backup was restored, or a store has lost writes otherwise: give every channel, or those that are named, a
revision that is newer than any that was lost, and forget all before it. Readers, who may have seen what is lost, get
the page anew; posts stay as they are. Run it before the servers are started again.

A revision is a time. --margin is how far the clocks of those who wrote may have been ahead of this one.

` + storageHelp,
		Example: `  motacilla storage barrier
  motacilla storage barrier --storage postgres://live@db.example.org/live match-42`,
		Args: cobra.ArbitraryArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if margin < 0 || margin > 30*24*time.Hour {
			return errors.New("--margin: must be 0s to 720h, such as 10m")
		}
		return does(func(cmd *cobra.Command, args []string) error { return s.barrier(cmd, at, margin, args) })(cmd, args)
	}
	cmd.Flags().StringVar(&at, "storage", "", "the store that was restored; else the configuration's")
	cmd.Flags().DurationVar(&margin, "margin", 10*time.Minute, "how far beyond the present time the revision is at least")
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
		return fmt.Errorf("%s can't put barriers: its store does not implement storage.Mover", store)
	}
	then := "run the same command again: a second barrier does no harm"
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
	return printed(fmt.Fprintf(out, "%s: %s put on. Readers begin anew.\n", store, count(int64(len(channels)), "barrier")))
}

func unknownChannels(names []string, there []barrier) error {
	var errs []error
	for _, name := range names {
		if !slices.ContainsFunc(there, func(b barrier) bool { return string(b.Channel) == name }) {
			errs = append(errs, fmt.Errorf("there is no channel %s in the store, so no barrier was put on any", name))
		}
	}
	return errors.Join(errs...)
}

// putBarriers puts a barrier on each, and prints it at once where it is not left to the end.
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
