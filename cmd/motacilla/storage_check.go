package main

import (
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/move"
	"github.com/spf13/cobra"
)

func storageCheck(s *storageFlags) *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Find what is wrong in a store",
		Long: `Read everything in a store and print what is wrong: with revisions and their order, posts, removed posts, lists, the
change log, and the records that nodes share. It changes nothing. The store may be in use. The exit code is 1 if anything is wrong.

` + storageHelp,
		Example: `  motacilla storage check
  motacilla storage check --storage sqlite:backup.db`,
		Args: known,
	}
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error { return s.check(cmd, at) })
	cmd.Flags().StringVar(&at, "storage", "", "`STORE` to check; without it, the configuration's")
	return cmd
}

func (s *storageFlags) check(cmd *cobra.Command, at string) (err error) {
	ctx, cancel := interruptible(cmd)
	defer cancel()
	store, err := s.open(ctx, "--storage", at, false)
	if err != nil {
		return err
	}
	defer func() { err = store.close(err) }()
	report, err := move.Check(ctx, store.Store, nil)
	if err != nil {
		return storageFailed(ctx, err, "the check is not complete: run it again")
	}
	out := cmd.OutOrStdout()
	if asJSON(cmd) {
		err = printValue(out, checkedJSON(store, report))
	} else {
		err = printed(fmt.Fprint(out, checked(store, report)))
	}
	if n := len(report.Violations); err == nil && n > 0 {
		err = fmt.Errorf("%s: %s. Copy the store's data before anything writes to it again, and restore a backup that passes this check",
			store, count(int64(n), "violation"))
	}
	return err
}

func checked(store *openedStore, r move.Report) string {
	var b strings.Builder
	for _, v := range r.Violations {
		fmt.Fprintln(&b, v)
	}
	fmt.Fprintf(&b, "%s: %s, %s, %s, %s remembered, %s: ", store, count(int64(r.Channels), "channel"),
		count(int64(r.Posts), "post"), count(int64(r.Tombstones), "tombstone"), count(int64(r.Remembered), "revision"),
		count(int64(r.Shared), "shared record"))
	if n := len(r.Violations); n > 0 {
		fmt.Fprintln(&b, count(int64(n), "violation"))
	} else {
		fmt.Fprintln(&b, "nothing is wrong")
	}
	for _, ch := range r.Moving {
		fmt.Fprintf(&b, "channel %s changed too often to be checked\n", ch)
	}
	for _, namespace := range r.MovingNamespaces {
		fmt.Fprintf(&b, "records of %s changed too often to be checked\n", namespace)
	}
	return b.String()
}

func checkedJSON(store *openedStore, r move.Report) any {
	type violation struct {
		Channel   motacilla.ChannelID `json:"channel,omitempty"`
		Post      motacilla.PostID    `json:"post,omitempty"`
		Revision  motacilla.Revision  `json:"revision,omitempty"`
		Namespace string              `json:"namespace,omitempty"`
		Key       string              `json:"key,omitempty"`
		Version   int64               `json:"version,omitempty"`
		Problem   string              `json:"problem"`
	}
	violations := make([]violation, len(r.Violations))
	for i, v := range r.Violations {
		violations[i] = violation(v)
	}
	moving := append([]motacilla.ChannelID{}, r.Moving...)
	return map[string]any{
		"storage": store.String(), "channels": r.Channels, "posts": r.Posts, "tombstones": r.Tombstones,
		"remembered": r.Remembered, "moving": moving, "shared": r.Shared,
		"moving_namespaces": append([]string{}, r.MovingNamespaces...), "violations": violations,
	}
}
