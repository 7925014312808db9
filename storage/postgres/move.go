package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
)

// ChannelRecords returns at most limit channels, deleted ones too, after the given ID.
func (s *Store) ChannelRecords(
	ctx context.Context, after motacilla.ChannelID, limit int,
) (records []motacilla.ChannelRecord, err error) {
	err = s.read(ctx, func(q *queries) (err error) {
		records, err = rows(q, func(from pgx.Row) (motacilla.ChannelRecord, error) {
			var floor motacilla.Revision
			c, err := scanWith(from, &floor)
			r := motacilla.ChannelRecord{
				Channel: c.Channel, Born: c.born, Floor: floor, Deleted: c.deleted,
			}
			if c.deleted {
				r.Channel = motacilla.Channel{ID: c.ID, Head: c.Head}
			}
			return r, err
		}, qRecords, place(string(after)), most(limit))
		return err
	}, "list channel records")
	return records, err
}

// tombstone is one with the revision of the removal.
type tombstone struct {
	motacilla.Tombstone
	revision motacilla.Revision
}

func scanTombstone(from pgx.Row) (t tombstone, err error) {
	err = from.Scan(&t.ID, &t.MessageID, &t.revision)
	return t, err
}

// ChangeRecords returns at most limit records of the channel after the given revision, of one snapshot.
func (s *Store) ChangeRecords(
	ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int,
) (records []motacilla.ChangeRecord, err error) {
	err = s.read(ctx, func(q *queries) error {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		var c channelRow
		var issued []motacilla.Revision
		var posts []motacilla.Post
		var tombs []tombstone
		b := q.begin(qSnapshot)
		one(b, &c, scanChannel, qChannel, string(ch))
		many(b, &issued, scanRevision, qLogAfter, string(ch), int64(after), most(limit))
		many(b, &posts, scanPost, qPostsBy, string(ch), int64(after), most(limit))
		many(b, &tombs, scanTombstone, qTombsBy, string(ch), int64(after), most(limit))
		if err := b.commit(); err != nil {
			return err
		}
		records = merge(issued, posts, tombs, int(most(limit)))
		return nil
	}, "get change records of channel %q", ch)
	return records, err
}

// merge makes one record for each revision from lists that are in order, and returns the first limit of them.
func merge(
	issued []motacilla.Revision, posts []motacilla.Post, tombs []tombstone, limit int,
) []motacilla.ChangeRecord {
	by := make(map[motacilla.Revision]*motacilla.ChangeRecord, len(issued))
	at := func(rev motacilla.Revision) *motacilla.ChangeRecord {
		if by[rev] == nil {
			by[rev] = &motacilla.ChangeRecord{Revision: rev}
		}
		return by[rev]
	}
	for _, rev := range issued {
		at(rev).Remembered = true
	}
	for _, p := range posts {
		at(p.Revision).Post = &p
	}
	for _, t := range tombs {
		at(t.revision).Removed = &t.Tombstone
	}
	records := make([]motacilla.ChangeRecord, 0, len(by))
	for _, r := range by {
		records = append(records, *r)
	}
	slices.SortFunc(records, func(a, b motacilla.ChangeRecord) int { return cmp.Compare(a.Revision, b.Revision) })
	return records[:min(len(records), limit)]
}

// Import makes the channel what c says, and adds records to those it has, in one transaction and two round trips.
func (s *Store) Import(
	ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord,
) error {
	c.Channel = c.Normalize()
	if err := c.Validate(records); err != nil {
		return fmt.Errorf("import channel %q: %w", c.ID, err)
	}
	return s.write(ctx, func(q *queries) error {
		q.tell(motacilla.Moved{Channel: c.ID, Head: c.Head, Deleted: c.Deleted})
		return q.take(c, records)
	}, "import channel %q", c.ID)
}

func (q *queries) take(c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	var old channelRow
	b := q.begin(qBegin)
	b.Queue(qAddChannel, string(c.ID), c.Title, string(c.Access), c.Created.UnixMicro(), ended(c.Ended),
		int64(c.Head), int64(c.Changed), int64(c.Born), c.Deleted)
	one(b, &old, scanChannel, qLock, string(c.ID))
	if err := b.run(); err != nil {
		return err
	}
	if old.born == c.Born && old.Head > c.Head {
		q.rollback()
		return motacilla.ErrConflict
	}
	b = &batch{q: q}
	if err := b.put(c, old.born != c.Born, records); err != nil {
		q.rollback()
		return err
	}
	return b.commit()
}

func (b *batch) put(c motacilla.ChannelRecord, anew bool, records []motacilla.ChangeRecord) error {
	ch := string(c.ID)
	if c.Deleted {
		c.Channel = motacilla.Channel{ID: c.ID, Head: c.Head}
	}
	if anew || c.Deleted {
		b.Queue(qDropPosts, ch)
		b.Queue(qDropTombs, ch)
	}
	if anew {
		b.Queue(qDropLog, ch)
	}
	b.Queue(qPutChannel, ch, c.Title, string(c.Access), c.Created.UnixMicro(), ended(c.Ended), int64(c.Head),
		int64(c.Changed), int64(c.Born), c.Deleted)
	for _, r := range records {
		if r.Remembered {
			b.Queue(qLog, ch, int64(r.Revision))
		}
		if p := r.Post; p != nil {
			content, err := encode(p.Content)
			if err != nil {
				return err
			}
			b.Queue(qDropTomb, ch, string(p.ID))
			b.Queue(qPutPost, ch, string(p.ID), p.MessageID, p.SourceVersion, p.Source, p.Author, p.Created.UnixMicro(),
				p.Modified.UnixMicro(), p.Show, p.Pinned, p.KeyEvent, content, int64(p.Revision))
		}
		if t := r.Removed; t != nil {
			b.Queue(qDropPost, ch, string(t.ID))
			b.Queue(qBury, ch, string(t.ID), t.MessageID, int64(r.Revision))
		}
	}
	b.Queue(qLog, ch, int64(c.Head))
	b.Queue(qLogBefore, ch, int64(c.Floor))
	return nil
}

// Barrier issues a revision that is not before at, and forgets all before it.
func (s *Store) Barrier(
	ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision,
) (motacilla.Revision, error) {
	m := motacilla.Moved{Channel: ch}
	err := s.write(ctx, func(q *queries) error {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		_, err := row(q, func(from pgx.Row) (struct{}, error) {
			return struct{}{}, notFound(from.Scan(&m.Head, &m.Deleted))
		}, qBarrier, string(ch), int64(at), s.own())
		q.tell(m)
		return err
	}, "put a barrier on channel %q", ch)
	if err != nil {
		return 0, err
	}
	return m.Head, nil
}
