// Package move copies channels from store to store as they are, and checks what a store holds. It uses only the port,
// so it works with any store that is a storage.Mover, also while the store is in use.
package move

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// Options are Copy's settings; nil and zero fields mean the defaults.
type Options struct {
	Batch    int            // most records of one import; 500
	Passes   int            // over the source, until nothing has changed meanwhile; 5
	Replace  bool           // what conflicts at the target, channels and records, is deleted there
	Progress func(Progress) // called after each import and each channel, from Copy's goroutine; nil
}

func (o *Options) withDefaults() Options {
	filled := Options{}
	if o != nil {
		filled = *o
	}
	if filled.Batch <= 0 {
		filled.Batch = 500
	}
	if filled.Passes <= 0 {
		filled.Passes = 5
	}
	if filled.Progress == nil {
		filled.Progress = func(Progress) {}
	}
	return filled
}

// Progress is how far a copy is.
type Progress struct {
	Pass     int // from 1; later ones bring what has changed meanwhile
	Channel  motacilla.ChannelID
	Done     int   // channels of this pass
	Channels int   // of this pass, together
	Records  int64 // brought so far, in all passes
}

// Result is what Copy has done.
type Result struct {
	Channels int   // of the source, deleted ones too
	Copied   int   // of which something was brought
	Records  int64 // brought
	Own      int   // channels that only the target has; they were left alone
	Behind   int   // channels of the source that have moved since they were brought; 0 when it is not written to
	Shared   int64 // records of storage.Records that were put or deleted at the target
}

// Copy brings every channel of from to the target as it is, also deleted ones: IDs, revisions, tombstones and what is
// remembered. It continues where an earlier Copy ended or was cut off. So running it again brings what has changed
// since. At the end it compares the target's heads with those of the source.
//
// from may be written to meanwhile. to must not be: a channel of the target that was written to is an ErrConflict, and
// so is a channel that has the ID of a different channel of the source. Conflicts are looked for before anything is
// written. Channels that only the target has are left alone.
//
// Copy then brings storage.Records, once. In each namespace of the source the target gets the records of the source,
// with their values and expiries; a record that the source does not have is deleted there. Versions are issued by the
// target. If the target has records in a namespace of the source that did not come from there, that is an ErrConflict
// before anything is written, unless Options.Replace is set. Namespaces that the target has on its own are left alone.
func Copy(ctx context.Context, from, to storage.Store, o *Options) (Result, error) {
	source, err := mover(from, "the source")
	if err != nil {
		return Result{}, err
	}
	target, err := mover(to, "the target")
	if err != nil {
		return Result{}, err
	}
	c := &copying{from: source, to: target, options: o.withDefaults(), brought: make(map[motacilla.ChannelID]life)}
	records := &recordCopy{from: from.Records(), to: to.Records(), batch: min(c.options.Batch, 100)}
	if err := records.prepare(ctx, c.options.Replace); err != nil {
		return c.result, err
	}
	result, err := c.copyChannels(ctx)
	if err == nil {
		err = records.bring(ctx)
	}
	result.Shared = records.changed
	return result, err
}

func (c *copying) copyChannels(ctx context.Context) (Result, error) {
	for c.pass = 1; ; c.pass++ {
		plan, err := c.plan(ctx)
		if err != nil {
			return c.result, err
		}
		c.result.Behind = len(plan)
		if len(plan) == 0 || c.pass > c.options.Passes {
			return c.result, nil
		}
		for i, s := range plan {
			if err := c.bring(ctx, s, i, len(plan)); err != nil {
				return c.result, fmt.Errorf("copy channel %q: %w", s.record.ID, err)
			}
		}
	}
}

// movable is a store that has what moving channels needs.
type movable interface {
	storage.Store
	storage.Mover
}

// mover returns s as a movable store. The error says that it is none.
func mover(s storage.Store, what string) (movable, error) {
	m, ok := s.(movable)
	if !ok {
		return nil, fmt.Errorf("%s can't move channels: its type, %T, does not implement storage.Mover", what, s)
	}
	return m, nil
}

// copying is one Copy.
type copying struct {
	from, to movable
	options  Options
	pass     int
	brought  map[motacilla.ChannelID]life // by this Copy
	result   Result
}

// life is how far one life of a channel was brought.
type life struct {
	born, head motacilla.Revision
}

// step is a channel that is to be brought.
type step struct {
	record motacilla.ChannelRecord
	after  motacilla.Revision // what the target has already
	wipe   bool               // the target has a different channel of the same life
	unsure bool               // the source has forgotten whether it issued after
}

// bring brings a channel at least up to the head that it had when the pass began. After the last import the target is
// what the source was at some time. After each earlier import it is a part of that, and the next Copy continues at its
// head.
func (c *copying) bring(ctx context.Context, s step, done, of int) error {
	id, after := s.record.ID, s.after
	if s.wipe {
		if err := c.wipe(ctx, s.record); err != nil {
			return err
		}
	}
	if _, again := c.brought[id]; !again {
		c.result.Copied++
	}
	for level := false; !level; {
		records, err := c.from.ChangeRecords(ctx, id, after, c.options.Batch)
		if err != nil {
			return err
		}
		// Read after the records, so that title and end are not older than they are.
		now, err := recordOf(ctx, c.from, id)
		if err != nil {
			return err
		}
		if now.Born != s.record.Born { // deleted and made again meanwhile
			s.record, s.unsure, after = now, false, 0
			continue
		}
		last := after
		if n := len(records); n > 0 {
			last = records[n-1].Revision
		}
		drained := len(records) < c.options.Batch
		level = drained && (now.Head == last || !now.Deleted && now.Changed <= last) ||
			!drained && last >= s.record.Head // it grows as fast as it is copied: the next pass goes on
		if len(records) == 0 && now.Head != last {
			continue
		}
		if err := c.put(ctx, now, last, records); err != nil {
			return err
		}
		after = last
		c.result.Records += int64(len(records))
		c.brought[id] = life{now.Born, last}
		c.options.Progress(Progress{c.pass, id, done, of, c.result.Records})
	}
	c.options.Progress(Progress{c.pass, id, done + 1, of, c.result.Records})
	if s.unsure {
		return c.compare(ctx, id, after)
	}
	return nil
}

// put imports the channel as it is up to last.
func (c *copying) put(
	ctx context.Context, now motacilla.ChannelRecord, last motacilla.Revision, records []motacilla.ChangeRecord,
) error {
	now.Head = last
	now.Changed, now.Floor = min(now.Changed, last), min(now.Floor, last)
	for i, r := range records {
		if r.Revision < now.Floor { // forgotten since it was read
			records[i].Remembered = false
		}
		if now.Deleted { // since it was read
			records[i].Post, records[i].Removed = nil, nil
		}
	}
	err := c.to.Import(ctx, now, records)
	switch {
	case errors.Is(err, motacilla.ErrConflict):
		return fmt.Errorf("someone writes to it at the target: %w", err)
	case errors.Is(err, motacilla.ErrInvalid):
		return fmt.Errorf("the source has what a store can't hold, so check it: %w", err)
	}
	return err
}

// wipe gives the target's channel another life, so that the import begins again.
func (c *copying) wipe(ctx context.Context, r motacilla.ChannelRecord) error {
	at := r.Born + 1
	return c.to.Import(ctx, motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: r.ID, Changed: at, Head: at}, Born: at, Floor: at, Deleted: true,
	}, nil)
}

// recordOf returns the record of one channel, which is the first record after the ID just before it.
func recordOf(ctx context.Context, m storage.Mover, id motacilla.ChannelID) (motacilla.ChannelRecord, error) {
	last := len(id) - 1
	before := id[:last] + motacilla.ChannelID(id[last]-1)
	before += motacilla.ChannelID(strings.Repeat("~", motacilla.MaxID-len(before))) // ~ is the last that an ID may have
	list, err := m.ChannelRecords(ctx, before, 1)
	switch {
	case err != nil:
		return motacilla.ChannelRecord{}, err
	case len(list) == 0 || list[0].ID != id:
		return motacilla.ChannelRecord{}, fmt.Errorf("get the record of channel %q: %w", id, motacilla.ErrNotFound)
	}
	return list[0], nil
}
