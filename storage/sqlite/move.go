package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// ChannelRecords returns at most limit channels after the given ID, deleted ones too.
func (s *Store) ChannelRecords(
	ctx context.Context, after motacilla.ChannelID, limit int,
) (records []motacilla.ChannelRecord, err error) {
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	err = s.snapshot(ctx, func(q *queries) error {
		rows, err := q.rows(qRecords, after, limit)
		channels, err := list(rows, err, scanChannel)
		if err != nil {
			return err
		}
		records = make([]motacilla.ChannelRecord, len(channels))
		for i, c := range channels {
			records[i] = motacilla.ChannelRecord{Channel: c.Channel, Born: c.born, Deleted: c.deleted}
			if c.deleted {
				records[i].Channel = motacilla.Channel{ID: c.ID, Head: c.Head}
			}
			if err := q.row(qFloor, c.ID).Scan(&records[i].Floor); err != nil {
				return err
			}
		}
		return nil
	}, "list channel records")
	if err != nil {
		return nil, err
	}
	return records, nil
}

// ChangeRecords returns at most limit records of the channel after the given revision, oldest first.
func (s *Store) ChangeRecords(
	ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int,
) (records []motacilla.ChangeRecord, err error) {
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	err = s.snapshot(ctx, func(q *queries) (err error) {
		if _, err := scanChannel(q.row(qChannel, ch)); err != nil {
			return err
		}
		records, err = q.records(ch, after, limit)
		return err
	}, "list change records of channel %q", ch)
	if err != nil {
		return nil, err
	}
	return records, nil
}

// records merges posts, tombstones and the log, each of which is in the order of revisions.
func (q *queries) records(ch motacilla.ChannelID, after motacilla.Revision, limit int) ([]motacilla.ChangeRecord, error) {
	rows, err := q.rows(qChanged, ch, after, limit)
	posts, err := list(rows, err, scanPost)
	if err != nil {
		return nil, err
	}
	rows, err = q.rows(qBuried, ch, after, limit)
	tombs, err := list(rows, err, scanTomb)
	if err != nil {
		return nil, err
	}
	rows, err = q.rows(qLogged, ch, after, limit)
	log, err := list(rows, err, scanRevision)
	if err != nil {
		return nil, err
	}
	var records []motacilla.ChangeRecord
	for len(records) < limit && len(posts)+len(tombs)+len(log) > 0 {
		r := motacilla.ChangeRecord{Revision: 1<<63 - 1}
		if len(posts) > 0 {
			r.Revision, r.Post = posts[0].Revision, &posts[0]
		}
		if len(tombs) > 0 && tombs[0].revision < r.Revision {
			r = motacilla.ChangeRecord{Revision: tombs[0].revision, Removed: &tombs[0].Tombstone}
		}
		if len(log) > 0 && log[0] < r.Revision {
			r = motacilla.ChangeRecord{Revision: log[0]}
		}
		switch {
		case r.Post != nil:
			posts = posts[1:]
		case r.Removed != nil:
			tombs = tombs[1:]
		}
		if r.Remembered = len(log) > 0 && log[0] == r.Revision; r.Remembered {
			log = log[1:]
		}
		records = append(records, r)
	}
	return records, nil
}

// Import makes the channel what c says, and adds records to those it has.
func (s *Store) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	c.Channel = c.Normalize()
	if err := c.Validate(records); err != nil {
		return fmt.Errorf("import channel %q: %w", c.ID, err)
	}
	records = slices.Clone(records) // a caller whose time is up does not wait for the write
	for i, r := range records {
		if r.Post != nil {
			p := r.Post.Clone()
			records[i].Post = &p
		}
	}
	_, err := change(ctx, s.run, func(q *queries) (struct{}, error) {
		q.tell(motacilla.Moved{Channel: c.ID, Head: c.Head, Deleted: c.Deleted})
		return struct{}{}, q.take(c, records)
	}, "import channel %q", c.ID)
	return err
}

func (q *queries) take(c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	old, err := scanChannel(q.row(qChannel, c.ID))
	known := err == nil
	switch {
	case err != nil && !errors.Is(err, motacilla.ErrNotFound):
		return err
	case known && old.born == c.Born && old.Head > c.Head:
		return motacilla.ErrConflict
	case known && old.born != c.Born:
		err = errors.Join(q.exec(qDropLog, c.ID), q.exec(qDropPosts, c.ID), q.exec(qDropTombs, c.ID))
	case known && c.Deleted:
		err = errors.Join(q.exec(qDropPosts, c.ID), q.exec(qDropTombs, c.ID))
	default:
		err = nil
	}
	if err != nil {
		return err
	}
	if c.Deleted {
		c.Channel = motacilla.Channel{ID: c.ID, Head: c.Head}
	}
	if err := q.putChannel(c, known); err != nil {
		return err
	}
	for _, r := range records {
		if err := q.takeRecord(c.ID, r); err != nil {
			return err
		}
	}
	return errors.Join(q.exec(qTakeLog, c.ID, c.Head), q.exec(qLogBefore, c.ID, c.Floor))
}

// putChannel changes the row if there is one, since other rows refer to it.
func (q *queries) putChannel(c motacilla.ChannelRecord, known bool) error {
	if known {
		return q.exec(qTakeChannel, c.Title, c.Access, c.Created.UnixMicro(), ended(c.Ended), c.Head, c.Changed, c.Born, c.Deleted, c.ID)
	}
	return q.exec(qNewChannel, c.ID, c.Title, c.Access, c.Created.UnixMicro(), ended(c.Ended), c.Head, c.Changed, c.Born, c.Deleted)
}

func (q *queries) takeRecord(ch motacilla.ChannelID, r motacilla.ChangeRecord) error {
	switch {
	case r.Post != nil:
		p := r.Post
		content, err := encode(p.Content)
		if err != nil {
			return err
		}
		if err := q.exec(qUnbury, ch, p.ID); err != nil {
			return err
		}
		err = q.exec(qTakePost, ch, p.ID, p.MessageID, p.SourceVersion, p.Source, p.Author, p.Created.UnixMicro(),
			p.Modified.UnixMicro(), p.Show, p.Pinned, p.KeyEvent, content, p.Revision)
		if err != nil {
			return err
		}
	case r.Removed != nil:
		if err := q.exec(qDropPost, ch, r.Removed.ID); err != nil {
			return err
		}
		if err := q.exec(qTakeTomb, ch, r.Removed.ID, r.Removed.MessageID, r.Revision); err != nil {
			return err
		}
	}
	if r.Remembered {
		return q.exec(qTakeLog, ch, r.Revision)
	}
	return nil
}

// Barrier issues a revision that is not before at, and forgets all before it.
func (s *Store) Barrier(
	ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision,
) (motacilla.Revision, error) {
	return change(ctx, s.run, func(q *queries) (motacilla.Revision, error) {
		c, err := scanChannel(q.row(qChannel, ch))
		if err != nil {
			return 0, err
		}
		rev := max(motacilla.NextRevision(c.Head, q.clock.Now()), at)
		q.tell(motacilla.Moved{Channel: ch, Head: rev, Deleted: c.deleted})
		return rev, errors.Join(q.exec(qSetHead, rev, ch), q.exec(qDropLog, ch), q.exec(qLog, ch, rev))
	}, "put a barrier on channel %q", ch)
}
