package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/move"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func storageCopy(s *storageFlags) *cobra.Command {
	var from, to string
	var replace bool
	var batch int
	cmd := &cobra.Command{
		Use:   "copy --from STORE --to STORE",
		Short: "Copy every channel to another store",
		Long: `Copy every channel to another store: posts, their IDs and revisions, which posts were removed, and the change log, so
that readers can resume. The source may be in use. Nothing else may write to the target. Run the command again to copy
what has changed since, or to continue after an interruption.

` + storageHelp,
		Example: `  motacilla storage copy --from sqlite:motacilla.db --to postgres://live@db.example.org/live
  motacilla storage copy --from sqlite --to redis://cache.example.org/0`,
		Args: known,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case from == "" || to == "":
			return errors.New("--from and --to are both needed, such as --from sqlite:motacilla.db --to postgres://db/live")
		case batch < 1 || batch > 10_000:
			return errors.New("--batch: must be 1 to 10000")
		}
		options := &move.Options{Batch: batch, Replace: replace}
		return does(func(cmd *cobra.Command, _ []string) error { return s.copy(cmd, from, to, options) })(cmd, nil)
	}
	cmd.Flags().StringVar(&from, "from", "", "`STORE` to copy from")
	cmd.Flags().StringVar(&to, "to", "", "`STORE` to copy to; a file is created if it does not exist")
	cmd.Flags().BoolVar(&replace, "replace", false, "replace a channel of the target that is not the source's")
	cmd.Flags().IntVar(&batch, "batch", 500, "how many changes are written at once")
	return cmd
}

func (s *storageFlags) copy(cmd *cobra.Command, from, to string, o *move.Options) (err error) {
	ctx, cancel := interruptible(cmd)
	defer cancel()
	source, err := s.open(ctx, "--from", from, false)
	if err != nil {
		return err
	}
	defer func() { err = source.close(err) }()
	target, err := s.open(ctx, "--to", to, true)
	if err != nil {
		return err
	}
	defer func() { err = target.close(err) }()
	if source.same(target) {
		return fmt.Errorf("--from and --to are both %s", source)
	}
	began := time.Now()
	shown := newCopyProgress(cmd.ErrOrStderr())
	o.Progress = shown.show
	result, err := move.Copy(ctx, source.Store, target.Store, o)
	shown.end()
	if err != nil {
		return s.copyFailed(ctx, err, result)
	}
	if asJSON(cmd) {
		return printValue(cmd.OutOrStdout(), map[string]any{
			"from": source.String(), "to": target.String(), "channels": result.Channels, "copied": result.Copied,
			"records": result.Records, "own": result.Own, "behind": result.Behind, "shared": result.Shared,
		})
	}
	return printed(fmt.Fprint(cmd.OutOrStdout(), copied(source, target, result, time.Since(began))))
}

// copied returns the summary.
func copied(source, target *openedStore, r move.Result, took time.Duration) string {
	text := fmt.Sprintf("%s -> %s\n%s copied from %d of %s, in %s.\n", source, target, count(r.Records, "change"), r.Copied,
		count(int64(r.Channels), "channel"), took.Round(time.Millisecond))
	if r.Shared > 0 {
		text += fmt.Sprintf("%s that nodes share, such as accounts, brought or removed.\n", count(r.Shared, "record"))
	}
	if r.Own > 0 {
		text += fmt.Sprintf("The target has %s of its own, which stay as they are.\n", count(int64(r.Own), "channel"))
	}
	if r.Behind > 0 {
		return text + fmt.Sprintf("%s of the source changed meanwhile. Copy again; the last time, nothing must write to the source.\n",
			count(int64(r.Behind), "channel"))
	}
	return text + "The target has everything that the source has.\n"
}

func count(n int64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func (s *storageFlags) copyFailed(ctx context.Context, err error, r move.Result) error {
	then := fmt.Sprintf("%s copied so far; run the same command again to continue", count(r.Records, "change"))
	if errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("%w\nTo replace the target's channel by the source's, give --replace. "+
			"To keep both, copy to a store that has no such channel", err)
	}
	return storageFailed(ctx, err, then)
}

// copyProgress shows how far a copy is: on a terminal in one line that changes, otherwise in a line every ten seconds.
type copyProgress struct {
	w        io.Writer
	terminal bool
	last     time.Time
	written  bool
}

func newCopyProgress(w io.Writer) *copyProgress {
	f, ok := w.(*os.File)
	return &copyProgress{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

func (c *copyProgress) show(p move.Progress) {
	every := 10 * time.Second
	if c.terminal {
		every = 100 * time.Millisecond
	}
	over := p.Done == p.Channels
	if now := time.Now(); over || now.Sub(c.last) >= every {
		c.last = now
	} else {
		return
	}
	line := fmt.Sprintf("pass %d: %d of %s, %s, at %s",
		p.Pass, p.Done, count(int64(p.Channels), "channel"), count(p.Records, "change"), p.Channel)
	if c.terminal {
		fmt.Fprintf(c.w, "\r\x1b[K%.100s", line)
		c.written = true
		return
	}
	fmt.Fprintln(c.w, line)
}

// end moves the terminal's cursor to the beginning of a line.
func (c *copyProgress) end() {
	if c.written {
		fmt.Fprintln(c.w)
	}
}
