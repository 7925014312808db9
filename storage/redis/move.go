package redis

import (
	"context"
	"errors"
	"strconv"

	"github.com/motacilla-live/motacilla"
)

// ChannelRecords returns at most limit channels after the given ID, deleted ones too.
func (s *Store) ChannelRecords(
	ctx context.Context, after motacilla.ChannelID, limit int,
) ([]motacilla.ChannelRecord, error) {
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	return call(ctx, s, func(ctx context.Context) ([]motacilla.ChannelRecord, error) {
		var list []motacilla.ChannelRecord
		for {
			step := min(limit-len(list), page)
			ids, err := s.ids(ctx, after, step)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				r, err := s.record(ctx, id)
				if err == nil {
					list = append(list, r)
				} else if !errors.Is(err, motacilla.ErrNotFound) { // an entry of the index whose channel was not made
					return nil, err
				}
			}
			if len(ids) < step || len(list) == limit {
				return list, nil
			}
			after = ids[len(ids)-1]
		}
	}, "list channel records")
}

func (s *Store) record(ctx context.Context, id motacilla.ChannelID) (motacilla.ChannelRecord, error) {
	r, err := s.run(ctx, lua.channelRecord, id)
	if err != nil {
		return motacilla.ChannelRecord{}, err
	}
	c, err := parseChannel(id, r.list(1))
	if err != nil {
		return motacilla.ChannelRecord{}, err
	}
	floor, err := parseRevision(r.text(2))
	return motacilla.ChannelRecord{
		Channel: c.Channel, Born: c.born, Floor: floor, Deleted: c.deleted,
	}, err
}

// ChangeRecords returns at most limit records of the channel after the given revision, oldest first.
func (s *Store) ChangeRecords(
	ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int,
) ([]motacilla.ChangeRecord, error) {
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	return call(ctx, s, func(ctx context.Context) ([]motacilla.ChangeRecord, error) {
		if err := possible(ch); err != nil {
			return nil, err
		}
		r, err := s.run(ctx, lua.changeRecords, ch, revisionText(after), strconv.Itoa(limit))
		if err != nil {
			return nil, err
		}
		if r.text(0) == "missing" {
			return nil, motacilla.ErrNotFound
		}
		var records []motacilla.ChangeRecord
		for list := r.list(1); len(list) >= 5; list = list[5:] {
			record, err := parseRecord(list)
			if err != nil {
				return nil, err
			}
			records = append(records, record)
		}
		return records, nil
	}, "list change records of channel %q", ch)
}

// parseRecord reads the first five of list; change_records.lua says what they are.
func parseRecord(list reply) (r motacilla.ChangeRecord, err error) {
	if r.Revision, err = parseRevision(list.text(0)); err != nil {
		return r, err
	}
	r.Remembered = list.text(1) == "1"
	id, value := motacilla.PostID(list.text(3)), list.text(4)
	switch list.text(2) {
	case "p":
		p, err := parsePost(id, value)
		if err != nil {
			return r, err
		}
		r.Post = &p
	case "r":
		if len(value) < digits {
			return r, malformed("tombstone %q", id)
		}
		r.Removed = &motacilla.Tombstone{ID: id, MessageID: value[digits:]}
	}
	return r, nil
}

// Import sets the channel's own fields and revisions to those of c, and adds records to those that the channel has.
func (s *Store) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	c.Channel = c.Normalize()
	if c.Deleted {
		c.Channel = motacilla.Channel{ID: c.ID, Head: c.Head}
	}
	_, err := call(ctx, s, func(ctx context.Context) (struct{}, error) {
		none := struct{}{}
		if err := c.Validate(records); err != nil {
			return none, err
		}
		args, err := importArgs(c, records)
		if err != nil {
			return none, err
		}
		if err := s.enlist(ctx, c.ID); err != nil {
			return none, err
		}
		r, err := s.write(ctx, lua.imports, c.ID, args...)
		switch {
		case err != nil:
			return none, err
		case r.text(0) == "conflict":
			return none, motacilla.ErrConflict
		}
		s.watchers.Tell(motacilla.Moved{Channel: c.ID, Head: c.Head, Deleted: c.Deleted})
		return none, nil
	}, "import channel %q", c.ID)
	return err
}

func importArgs(c motacilla.ChannelRecord, records []motacilla.ChangeRecord) ([]any, error) {
	args := make([]any, 0, 9+5*len(records))
	args = append(args, revisionText(c.Born), revisionText(c.Head), revisionText(c.Changed), revisionText(c.Floor),
		flag(c.Deleted), c.Title, string(c.Access), modifiedText(c.Created), endedText(c.Ended))
	for _, r := range records {
		kind, id, value := "", "", ""
		switch {
		case r.Post != nil:
			text, err := postText(*r.Post)
			if err != nil {
				return nil, err
			}
			kind, id, value = "p", string(r.Post.ID), text
		case r.Removed != nil:
			kind, id, value = "r", string(r.Removed.ID), r.Removed.MessageID
		}
		args = append(args, revisionText(r.Revision), flag(r.Remembered), kind, id, value)
	}
	return args, nil
}

// Barrier issues a revision that is not before at, and forgets all before it.
func (s *Store) Barrier(
	ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision,
) (motacilla.Revision, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Revision, error) {
		if err := possible(ch); err != nil {
			return 0, err
		}
		r, err := s.write(ctx, lua.barrier, ch, revisionText(at))
		if err != nil {
			return 0, err
		}
		if r.text(0) == "missing" {
			return 0, motacilla.ErrNotFound
		}
		return s.made(ch, r, r.text(2) == "1")
	}, "put a barrier on channel %q", ch)
}
