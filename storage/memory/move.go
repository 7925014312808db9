package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// ChannelRecords returns at most limit channels after the given ID, deleted ones too.
func (s *Store) ChannelRecords(
	ctx context.Context, after motacilla.ChannelID, limit int,
) ([]motacilla.ChannelRecord, error) {
	if err := s.usable(ctx, "list channel records"); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, found := slices.BinarySearch(s.ids, after)
	if found {
		at++
	}
	var list []motacilla.ChannelRecord
	for ; at < len(s.ids) && len(list) < limit; at++ {
		if r, ever := s.channels[s.ids[at]].export(); ever {
			list = append(list, r)
		}
	}
	return list, nil
}

func (c *channel) export() (r motacilla.ChannelRecord, ever bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.state.Head == 0 {
		return r, false
	}
	return motacilla.ChannelRecord{
		Channel: c.state, Born: c.born, Floor: c.log[0].revision, Deleted: !c.alive,
	}, true
}

// ChangeRecords returns at most limit records of the channel after the given revision, oldest first.
func (s *Store) ChangeRecords(
	ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int,
) ([]motacilla.ChangeRecord, error) {
	if err := s.usable(ctx, "list change records of channel %q", ch); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	if c := s.find(ch); c != nil {
		if list, ever := c.records(after, limit); ever {
			return list, nil
		}
	}
	return nil, failed(motacilla.ErrNotFound, "list change records of channel %q", ch)
}

func (c *channel) records(after motacilla.Revision, limit int) (list []motacilla.ChangeRecord, ever bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.state.Head == 0 {
		return nil, false
	}
	log := c.log[beyond(c.log, after):]
	upTo := c.state.Head
	if len(log) > limit { // later revisions are not needed
		log = log[:limit]
		upTo = log[limit-1].revision
	}
	for _, p := range c.posts {
		if p.Revision > after && p.Revision <= upTo {
			list = append(list, motacilla.ChangeRecord{Revision: p.Revision, Post: p})
		}
	}
	for id, t := range c.tombs {
		if t.revision > after && t.revision <= upTo {
			tomb := &motacilla.Tombstone{ID: id, MessageID: t.message}
			list = append(list, motacilla.ChangeRecord{Revision: t.revision, Removed: tomb})
		}
	}
	slices.SortFunc(list, byRevision)
	list = withLog(list, log)
	list = list[:min(limit, len(list))]
	for i, r := range list {
		if r.Post != nil {
			p := r.Post.Clone()
			list[i].Post = &p
		}
	}
	return list, true
}

func byRevision(a, b motacilla.ChangeRecord) int { return cmp.Compare(a.Revision, b.Revision) }

// beyond is the place in log of the first revision after the given one.
func beyond(log []change, after motacilla.Revision) int {
	at, found := seek(log, after)
	if found {
		at++
	}
	return at
}

// withLog marks the records that are in log, and inserts those that are only in log.
func withLog(list []motacilla.ChangeRecord, log []change) []motacilla.ChangeRecord {
	var merged []motacilla.ChangeRecord
	for len(list) > 0 || len(log) > 0 {
		switch {
		case len(log) == 0 || len(list) > 0 && list[0].Revision < log[0].revision:
			merged, list = append(merged, list[0]), list[1:]
			continue
		case len(list) > 0 && list[0].Revision == log[0].revision:
			r := list[0]
			r.Remembered = true
			merged, list = append(merged, r), list[1:]
		default:
			merged = append(merged, motacilla.ChangeRecord{Revision: log[0].revision, Remembered: true})
		}
		log = log[1:]
	}
	return merged
}

// Import makes the channel what c says, and adds records to those it has.
func (s *Store) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	if err := s.usable(ctx, "import channel %q", c.ID); err != nil {
		return err
	}
	c.Channel = c.Normalize()
	if err := c.Validate(records); err != nil {
		return failed(err, "import channel %q", c.ID)
	}
	if err := s.claim(c.ID).take(c, records); err != nil {
		return failed(err, "import channel %q", c.ID)
	}
	s.watchers.Tell(motacilla.Moved{Channel: c.ID, Head: c.Head, Deleted: c.Deleted})
	return nil
}

func (c *channel) take(r motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.born == r.Born && c.state.Head > r.Head {
		return motacilla.ErrConflict
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.born != r.Born {
		c.log = nil
		c.clear()
	}
	c.state, c.alive, c.born = r.Channel, !r.Deleted, r.Born
	switch {
	case r.Deleted:
		c.state = motacilla.Channel{ID: r.ID, Head: r.Head}
		c.clear()
	case c.posts == nil:
		c.empty()
	}
	var log []change
	for _, rec := range records {
		entry := change{revision: rec.Revision}
		switch {
		case rec.Post != nil:
			p := rec.Post.Clone()
			delete(c.tombs, p.ID)
			c.place(&p)
			entry.post = p.ID
		case rec.Removed != nil:
			c.bury(rec.Removed.ID, tombstone{rec.Removed.MessageID, rec.Revision})
			entry.post, entry.removed = rec.Removed.ID, true
		}
		if rec.Remembered || rec.Revision == r.Head {
			log = append(log, entry)
		}
	}
	if n := len(log); n == 0 || log[n-1].revision < r.Head {
		if _, found := seek(c.log, r.Head); !found {
			log = append(log, change{revision: r.Head})
		}
	}
	c.log = joined(c.log, log)
	at, _ := seek(c.log, r.Floor)
	c.log = c.log[at:]
	return nil
}

// joined merges both logs. If both have a revision, that of b is taken.
func joined(a, b []change) []change {
	if n := len(a); n == 0 || len(b) == 0 || a[n-1].revision < b[0].revision {
		return append(a, b...)
	}
	var all []change
	for len(a) > 0 && len(b) > 0 {
		switch d := cmp.Compare(a[0].revision, b[0].revision); {
		case d < 0:
			all, a = append(all, a[0]), a[1:]
		default:
			if d == 0 {
				a = a[1:]
			}
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// Barrier issues a revision that is not before at, and forgets all before it.
func (s *Store) Barrier(
	ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision,
) (motacilla.Revision, error) {
	if err := s.usable(ctx, "put a barrier on channel %q", ch); err != nil {
		return 0, err
	}
	if c := s.find(ch); c != nil {
		if m, ever := c.barrier(s.clock, at); ever {
			m.Channel = ch
			s.watchers.Tell(m)
			return m.Head, nil
		}
	}
	return 0, failed(motacilla.ErrNotFound, "put a barrier on channel %q", ch)
}

func (c *channel) barrier(clock motacilla.Clock, at motacilla.Revision) (m motacilla.Moved, ever bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.state.Head == 0 {
		return m, false
	}
	rev, _ := c.next(clock)
	rev = max(rev, at)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Head = rev
	c.log = []change{{revision: rev}}
	return motacilla.Moved{Head: rev, Deleted: !c.alive}, true
}
