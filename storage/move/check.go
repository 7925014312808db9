package move

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// CheckOptions are Check's settings; nil and zero fields mean the defaults.
type CheckOptions struct {
	Batch    int                   // records and posts that are read at once; 500
	Tries    int                   // how often a channel is read if it is written to meanwhile; 5
	Channels []motacilla.ChannelID // only these, and no shared records; everything
	Clock    motacilla.Clock       // says what is 24 hours old; time.Now
	Progress func(Report)          // called after each channel, from Check's goroutine; nil
}

func (o *CheckOptions) withDefaults() CheckOptions {
	filled := CheckOptions{}
	if o != nil {
		filled = *o
	}
	if filled.Batch <= 0 {
		filled.Batch = 500
	}
	if filled.Tries <= 0 {
		filled.Tries = 5
	}
	if filled.Progress == nil {
		filled.Progress = func(Report) {}
	}
	return filled
}

// Violation is one breach of the port's contract.
type Violation struct {
	Channel  motacilla.ChannelID
	Post     motacilla.PostID   // "" if it is not one post
	Revision motacilla.Revision // 0 if it is not one revision

	// Of storage.Records; Channel is "" then.
	Namespace string
	Key       string // "" if it is not one record
	Version   int64  // 0 if it is not one version

	Problem string
}

func (v Violation) String() string {
	where := fmt.Sprintf("channel %q", v.Channel)
	if v.Namespace != "" {
		where = fmt.Sprintf("namespace %q", v.Namespace)
	}
	if v.Key != "" {
		where += fmt.Sprintf(", key %q", v.Key)
	}
	if v.Version != 0 {
		where += fmt.Sprintf(", version %d", v.Version)
	}
	if v.Post != "" {
		where += ", post " + string(v.Post)
	}
	if v.Revision != 0 {
		where += ", revision " + v.Revision.String()
	}
	return where + ": " + v.Problem
}

// Report is what Check has read and what it has found wrong.
type Report struct {
	Channels   int // deleted ones too
	Posts      int
	Tombstones int
	Remembered int                   // revisions
	Moving     []motacilla.ChannelID // were written to during every try, so they were not checked
	Shared     int                   // records of storage.Records

	MovingNamespaces []string // of records; were written to during every try, so they were not checked
	Violations       []Violation
}

// Check reads everything in a store and reports what breaks the contract of package storage. It changes nothing. It
// returns an error if the store does not answer; what is wrong in the store is in the Report.
func Check(ctx context.Context, s storage.Store, o *CheckOptions) (Report, error) {
	options := o.withDefaults()
	var report Report
	store, err := mover(s, "the store")
	if err != nil {
		return report, err
	}
	listing, err := newListing(ctx, store, options.Batch)
	if err != nil {
		return report, err
	}
	var last motacilla.ChannelID
	for {
		list, err := store.ChannelRecords(ctx, last, options.Batch)
		if err != nil {
			return report, fmt.Errorf("list channels: %w", err)
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			if r.ID <= last {
				report.Violations = append(report.Violations, Violation{Channel: r.ID, Problem: fmt.Sprintf(
					"is listed after %q, which is not the order of their IDs", last)})
				return report, nil // the list would not end
			}
			last = r.ID
			if !chosen(options.Channels, r.ID) {
				continue
			}
			if err := checkChannel(ctx, store, options, listing, r.ID, &report); err != nil {
				return report, fmt.Errorf("check channel %q: %w", r.ID, err)
			}
			options.Progress(report)
		}
	}
	if err := missing(ctx, store, options, listing, &report); err != nil || len(options.Channels) > 0 {
		return report, err
	}
	return report, checkShared(ctx, store.Records(), options, &report)
}

// chosen reports whether id is named, or no channel is.
func chosen(named []motacilla.ChannelID, id motacilla.ChannelID) bool {
	return len(named) == 0 || slices.Contains(named, id)
}

// checkChannel reads a channel, and again if it was written to meanwhile.
func checkChannel(
	ctx context.Context, store movable, o CheckOptions, l *listing, id motacilla.ChannelID, report *Report,
) error {
	for range o.Tries {
		before, err := recordOf(ctx, store, id)
		if err != nil {
			return err
		}
		c := &checking{store: store, options: o, record: before, listing: l}
		if err := c.run(ctx); err != nil {
			return err
		}
		after, err := recordOf(ctx, store, id)
		if err != nil {
			return err
		}
		if after.Head != before.Head || after.Born != before.Born {
			continue
		}
		if after.Floor != before.Floor && len(c.violations) > 0 { // forgotten meanwhile
			continue
		}
		report.Channels++
		report.Posts += len(c.posts)
		report.Tombstones += len(c.tombs)
		report.Remembered += len(c.log)
		report.Violations = append(report.Violations, c.violations...)
		return nil
	}
	report.Channels++
	report.Moving = append(report.Moving, id)
	return nil
}

// checking is one channel, as it was at one head.
type checking struct {
	store      movable
	options    CheckOptions
	listing    *listing
	record     motacilla.ChannelRecord
	posts      map[motacilla.PostID]*motacilla.Post
	tombs      map[motacilla.PostID]tomb
	log        []motacilla.Revision    // that are remembered
	forgotten  motacilla.Revision      // the newest that is kept and not remembered
	first      *motacilla.ChangeRecord // that is remembered
	violations []Violation
}

type tomb struct {
	motacilla.Tombstone
	revision motacilla.Revision
}

func (c *checking) found(post motacilla.PostID, rev motacilla.Revision, format string, args ...any) {
	c.violations = append(c.violations, Violation{
		Channel: c.record.ID, Post: post, Revision: rev, Problem: fmt.Sprintf(format, args...),
	})
}

func (c *checking) run(ctx context.Context) error {
	c.checkRecord()
	for _, check := range []func(context.Context) error{
		c.readRecords, c.checkState, c.checkByID, c.checkListings, c.checkChanges,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	c.checkMemory()
	return nil
}

// checkRecord is what must hold of a channel's own revisions.
func (c *checking) checkRecord() {
	r := c.record
	if r.Born <= 0 || r.Born > r.Head {
		c.found("", r.Born, "its life began then, which must be positive and not after its head %d", r.Head)
	}
	if r.Floor < r.Born || r.Floor > r.Head {
		c.found("", r.Floor, "is its oldest remembered one, which must be from its beginning %d to its head %d", r.Born, r.Head)
	}
	if r.Deleted {
		return
	}
	if r.Changed < r.Born || r.Changed > r.Head {
		c.found("", r.Changed, "it changed then, which must be from its beginning %d to its head %d", r.Born, r.Head)
	}
	if err := r.Channel.Validate(); err != nil {
		c.found("", 0, "%v", err)
	}
	if n := r.Normalize(); n.Created != r.Created || n.Ended != r.Ended {
		c.found("", 0, "created and ended must be UTC, to the microsecond")
	}
}

// checkState compares the channel with what Reader says of it.
func (c *checking) checkState(ctx context.Context) error {
	id, r := c.record.ID, c.record
	heads, err := c.store.Heads(ctx, []motacilla.ChannelID{id})
	if err != nil {
		return err
	}
	if heads[id] != r.Head {
		c.found("", heads[id], "Heads has this as its head, which is %d", r.Head)
	}
	state, err := c.store.Channel(ctx, id)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		if !r.Deleted {
			c.found("", 0, "can't be found, and was not deleted")
		}
	case err != nil:
		return err
	case r.Deleted:
		c.found("", r.Head, "can be found, and was deleted")
	case !sameChannel(state, r.Channel):
		c.found("", 0, "reads as %+v, and is recorded as %+v", state, r.Channel)
	}
	c.listing.seen(c, r)
	return nil
}

func sameChannel(a, b motacilla.Channel) bool {
	return a.ID == b.ID && a.Title == b.Title && a.Access == b.Access && a.Head == b.Head &&
		a.Created.Equal(b.Created) && a.Ended.Equal(b.Ended)
}

// checkMemory checks what a store must remember. It may have forgotten what is before a barrier. A barrier is a
// revision of which nothing else is kept.
func (c *checking) checkMemory() {
	if c.first == nil || c.first.Revision == c.record.Born {
		return
	}
	if c.first.Post == nil && c.first.Removed == nil && c.first.Revision != c.record.Changed {
		return // a barrier, as far as can be told
	}
	day := motacilla.Revision(c.options.Clock.Now().Add(-storage.RememberHours * time.Hour).UnixMicro())
	switch {
	case len(c.log) < storage.Remember:
		c.found("", c.first.Revision, "is the oldest that it remembers, of %d; it must remember the newest %d",
			len(c.log), storage.Remember)
	case c.forgotten > day:
		c.found("", c.forgotten, "is forgotten, and not yet %d hours old", storage.RememberHours)
	}
}

// listing is what Channels lists.
type listing struct {
	channels map[motacilla.ChannelID]motacilla.Channel
	problems []Violation
}

func newListing(ctx context.Context, store storage.Store, batch int) (*listing, error) {
	l := &listing{channels: make(map[motacilla.ChannelID]motacilla.Channel)}
	for last := motacilla.ChannelID(""); ; {
		list, err := store.Channels(ctx, last, batch)
		if err != nil {
			return nil, fmt.Errorf("list channels: %w", err)
		}
		if len(list) == 0 {
			return l, nil
		}
		for _, c := range list {
			if c.ID <= last {
				l.problems = append(l.problems, Violation{Channel: c.ID, Problem: fmt.Sprintf(
					"Channels lists it after %q, which is not the order of their IDs", last)})
				return l, nil
			}
			last = c.ID
			l.channels[c.ID] = c
		}
	}
}

// seen compares a channel with the list. If the channel was made or deleted after the list was read, its head shows it.
func (l *listing) seen(c *checking, r motacilla.ChannelRecord) {
	state, listed := l.channels[r.ID]
	switch {
	case listed && r.Deleted && state.Head >= r.Head:
		c.found("", r.Head, "Channels lists it, and it was deleted")
	case listed && state.Head > r.Head:
		c.found("", state.Head, "Channels has this as its head, which is %d", r.Head)
	case listed && state.Head == r.Head && !sameChannel(state, r.Channel):
		c.found("", 0, "Channels has %+v, and it is recorded as %+v", state, r.Channel)
	}
}

// missing compares the list as a whole, once all channels are known.
func missing(ctx context.Context, store movable, o CheckOptions, before *listing, report *Report) error {
	report.Violations = append(report.Violations, before.problems...)
	first, err := channels(ctx, store)
	if err != nil {
		return err
	}
	now, err := newListing(ctx, store, o.Batch)
	if err != nil {
		return err
	}
	second, err := channels(ctx, store)
	if err != nil {
		return err
	}
	add := func(id motacilla.ChannelID, problem string) {
		if chosen(o.Channels, id) {
			report.Violations = append(report.Violations, Violation{Channel: id, Problem: problem})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now.channels)) {
		if _, known := second[id]; !known {
			add(id, "Channels lists it, and there is no record of it")
		}
	}
	if len(before.problems)+len(now.problems) > 0 {
		return nil // they were not read to their end
	}
	for _, id := range slices.Sorted(maps.Keys(first)) {
		if _, listed := now.channels[id]; !listed && !first[id].Deleted && !second[id].Deleted {
			add(id, "is there, and Channels does not list it")
		}
	}
	return nil
}
