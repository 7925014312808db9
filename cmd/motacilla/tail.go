package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/spf13/cobra"
)

func tailCommand() *cobra.Command {
	var since revisionFlag
	transport := choice{auto, transportNames()}
	cmd := &cobra.Command{
		Use:   "tail CHANNEL",
		Short: "Follow a channel, line by line",
		Long: `Print a channel's newest posts, oldest first, and then every post as it is written, edited or deleted.
It reconnects by itself when the server or the network was away. It ends with Ctrl-C, or when the channel is deleted.

It uses the first of the server's transports that works, as a page does. --transport chooses one.

With --output json each line is one update as the server sends it (docs/wire.md), without heartbeats: first a reset with
the channel's newest posts, then what changed. Each update has the revision that it leads to. To continue later, give the
last one with --since.`,
		Example: `  motacilla tail match-42
  motacilla tail match-42 --transport websocket
  motacilla tail match-42 --output json | jq -r '.renders[] | select(.show) | .content'`,
		Args: arguments,
	}
	r := remoteFlags(cmd)
	cmd.ValidArgsFunction = r.places
	cmd.Flags().Var(&transport, "transport", "how updates come; auto is the first that works")
	cmd.Flags().Var(&since, "since", "`REVISION` after which to begin; without it, the newest posts come first")
	must(cmd.RegisterFlagCompletionFunc("transport", words(transport.known...)))
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		ctx, stop := interruptible(cmd)
		defer stop()
		f := &follower{
			remote: r, channel: args[0], transport: transport.value, out: &output{w: cmd.OutOrStdout()},
			notes: cmd.ErrOrStderr(), json: asJSON(cmd), since: motacilla.Revision(since),
		}
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("tail: %w", err)
		}
		return nil
	})
	return cmd
}

// revisionFlag is the value of --since.
type revisionFlag motacilla.Revision

func (r *revisionFlag) String() string {
	if *r == 0 {
		return ""
	}
	return motacilla.Revision(*r).String()
}

func (r *revisionFlag) Type() string { return "revision" }

func (r *revisionFlag) Set(s string) error {
	rev, err := motacilla.ParseRevision(s)
	if err != nil {
		return errors.New("must be a revision, which is a whole number such as 1795478399370607")
	}
	*r = revisionFlag(rev)
	return nil
}

const auto = "auto"

func transportNames() []string { return append([]string{auto}, client.Transports()...) }

// follower follows one channel and prints what changes.
type follower struct {
	remote    *remote
	channel   string
	transport string // "" is auto
	out       *output
	notes     io.Writer // for messages that are not updates
	json      bool      // print updates as they come
	since     motacilla.Revision

	view    motacilla.View
	printed map[motacilla.PostID]motacilla.Render
	title   string
	ended   bool
	begun   bool // an update has come
	faults  int  // before the first update
}

// firstFaults is how many faults before the first update end the command. Some transports may not work here.
const firstFaults = 4

func (f *follower) follow(ctx context.Context) error {
	c, err := f.remote.client()
	if err != nil {
		return err
	}
	f.printed = map[motacilla.PostID]motacilla.Render{}
	f.view.Revision = f.since
	o := &client.FollowOptions{Retry: f.fault, Since: f.since}
	if f.transport != auto && f.transport != "" {
		o.Transports = []string{f.transport}
	}
	for u, err := range c.Follow(ctx, motacilla.ChannelID(f.channel), o) {
		if err != nil {
			return f.end(err)
		}
		if f.begun && u.Reset && !u.Complete {
			fmt.Fprintln(f.notes, "There were too many changes meanwhile; continuing with the newest posts.")
		}
		f.begun = true
		switch {
		case !f.json:
			f.view.Apply(&u, true)
			f.print()
		case !u.Heartbeat():
			_, _ = f.out.Write(append(u.AppendJSON(nil), '\n')) // the output remembers its error
		}
		if f.out.err != nil {
			return f.out.err
		}
	}
	return f.deleted()
}

// fault prints what is wrong, and goes on. Before the first update, faults end the command.
func (f *follower) fault(err error, _ time.Duration) error {
	var op *net.OpError
	f.faults++
	switch {
	case f.begun:
	case errors.As(err, &op) && op.Op == "dial":
		return err
	case f.faults >= firstFaults:
		return fmt.Errorf("%w; is %s right?", err, f.remote.from)
	}
	fmt.Fprintf(f.notes, "%v; trying again.\n", f.explained(err))
	return nil
}

// end returns the command's error when Follow has ended with err.
func (f *follower) end(err error) error {
	switch {
	case errors.Is(err, motacilla.ErrNotFound) && f.begun:
		return f.deleted()
	case errors.Is(err, motacilla.ErrNotFound):
		return noChannel(f.channel)
	case errors.Is(err, motacilla.ErrForbidden), errors.Is(err, motacilla.ErrUnauthorized):
		return coded{errors.New(f.remote.tokenWanted()), exitNotAllowed}
	case errors.Is(err, client.ErrNoTransport) && f.transport == auto:
		return fmt.Errorf("%w; is %s right?", err, f.remote.from)
	}
	return f.explained(err)
}

// explained returns err with what to do if the server can't be reached.
func (f *follower) explained(err error) error {
	var op net.Error
	if errors.As(err, &op) {
		return f.remote.unreachable(err)
	}
	return err
}

func (f *follower) deleted() error {
	fmt.Fprintln(f.notes, "The channel was deleted.")
	return nil
}

// print prints how the view differs from what was printed.
func (f *follower) print() {
	held := map[motacilla.PostID]bool{}
	for _, r := range f.view.Renders() {
		held[r.ID] = true
		was, known := f.printed[r.ID]
		if known && was.Revision == r.Revision {
			continue
		}
		f.printed[r.ID] = r
		switch {
		case !r.Show && known && was.Show:
			f.line(r, "hidden", "")
		case !r.Show:
		case !known || !was.Show:
			f.line(r, "", textIn(r.Content))
		case was.Content != r.Content:
			f.line(r, "edited", textIn(r.Content))
		case was.Pinned != r.Pinned && r.Pinned:
			f.line(r, "pinned", "")
		case was.Pinned != r.Pinned:
			f.line(r, "unpinned", "")
		}
	}
	floor := f.view.Floor()
	for id, r := range f.printed {
		if held[id] {
			continue
		}
		delete(f.printed, id)
		if r.Show && (floor.IsZero() || r.Key().Compare(floor) >= 0) { // otherwise it is only too old for the view
			f.line(r, "removed", "")
		}
	}
	if ended := !f.view.State.Ended.IsZero(); f.title != f.view.State.Title || f.ended != ended {
		f.title, f.ended = f.view.State.Title, ended
		state := ""
		if ended {
			state = " (ended)"
		}
		fmt.Fprintf(f.out, "# %s%s\n", f.title, state)
	}
}

func (f *follower) line(r motacilla.Render, what, text string) {
	if what != "" {
		what = "[" + what + "] "
	}
	line := fmt.Sprintf("%s  %s  %s%s", r.Created.Local().Format(time.TimeOnly), r.ID, what, text)
	fmt.Fprintln(f.out, strings.TrimRight(line, " "))
}
