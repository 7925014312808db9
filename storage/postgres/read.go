package postgres

import (
	"context"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
)

// Channel returns the channel.
func (s session) Channel(ctx context.Context, id motacilla.ChannelID) (c motacilla.Channel, err error) {
	err = s.run.read(ctx, func(q *queries) error {
		if !storable(string(id)) {
			return motacilla.ErrNotFound
		}
		there, err := row(q, scanLiving, qChannel, string(id))
		c = there.Channel
		return err
	}, "get channel %q", id)
	return c, err
}

// Channels returns at most limit channels after the given ID.
func (s *Store) Channels(
	ctx context.Context, after motacilla.ChannelID, limit int,
) (channels []motacilla.Channel, err error) {
	err = s.read(ctx, func(q *queries) (err error) {
		channels, err = rows(q, func(from pgx.Row) (motacilla.Channel, error) {
			c, err := scanChannel(from)
			return c.Channel, err
		}, qChannels, place(string(after)), most(limit))
		return err
	}, "list channels")
	return channels, err
}

// Post returns the post.
func (s session) Post(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID,
) (p motacilla.Post, err error) {
	err = s.run.read(ctx, func(q *queries) (err error) {
		if !storable(string(ch), string(id)) {
			return motacilla.ErrNotFound
		}
		p, err = row(q, scanPost, qPost, string(ch), string(id))
		return err
	}, "get post %q of channel %q", id, ch)
	return p, err
}

// PostByMessage returns the post that the source calls messageID.
func (s session) PostByMessage(
	ctx context.Context, ch motacilla.ChannelID, messageID string,
) (p motacilla.Post, err error) {
	err = s.run.read(ctx, func(q *queries) error {
		if !storable(string(ch), messageID) {
			return motacilla.ErrNotFound
		}
		var found []motacilla.Post
		var removed bool
		b := q.begin(qSnapshot)
		many(b, &found, scanPost, qMessage, string(ch), messageID)
		one(b, &removed, scanBool, qTombMessage, string(ch), messageID)
		if err := b.commit(); err != nil {
			return err
		}
		switch {
		case len(found) > 0:
			p = found[0]
			return nil
		case removed:
			return motacilla.ErrDeleted
		}
		return motacilla.ErrNotFound
	}, "get post of message %q of channel %q", messageID, ch)
	return p, err
}

// Posts returns the posts that q chooses, newest first.
func (s *Store) Posts(
	ctx context.Context, ch motacilla.ChannelID, query motacilla.Query,
) (page motacilla.Page, err error) {
	limit := most(query.Limit)
	before, id := int64(math.MaxInt64), ""
	if !query.Before.IsZero() {
		before, id = query.Before.Created.UnixMicro(), place(string(query.Before.ID))
	}
	text := qPosts
	if query.Pinned {
		text = qPinned
	}
	err = s.read(ctx, func(q *queries) error {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		var c channelRow
		var posts []motacilla.Post
		b := q.begin(qSnapshot)
		one(b, &c, scanLiving, qChannel, string(ch))
		many(b, &posts, scanPost, text, string(ch), before, id, query.Visible, limit+1)
		if err := b.commit(); err != nil {
			return err
		}
		page = motacilla.Page{Head: c.Head, Posts: posts}
		if page.More = int64(len(posts)) > limit; page.More {
			page.Posts = posts[:limit]
		}
		return nil
	}, "list posts of channel %q", ch)
	return page, err
}

// Changes returns what happened on the channel after since.
func (s *Store) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (facts motacilla.Changes, err error) {
	err = s.read(ctx, func(q *queries) (err error) {
		if !storable(string(ch)) {
			return motacilla.ErrNotFound
		}
		facts, err = q.changes(string(ch), since, limit)
		return err
	}, "get changes of channel %q", ch)
	if err != nil {
		return motacilla.Changes{}, err
	}
	return facts, nil
}

func (q *queries) changes(ch string, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	var c channelRow
	var facts motacilla.Changes
	var rows *int64 // null is no limit
	if limit > 0 {
		n := int64(min(limit, math.MaxInt32)) + 1
		rows = &n
	}
	b := q.begin(qSnapshot)
	one(b, &c, scanChannel, qChannel, ch)
	one(b, &facts.Known, scanBool, qKnown, ch, int64(since))
	one(b, &facts.Floor, scanRevision, qFloor, ch)
	many(b, &facts.Posts, scanPost, qChanged, ch, int64(since), rows)
	many(b, &facts.Removed, scanRemoval, qRemoved, ch, int64(since), rows)
	many(b, &facts.Issued, scanRevision, qIssued, ch, int64(since), motacilla.MaxIssued)
	if err := b.commit(); err != nil {
		return facts, err
	}
	facts.Head, facts.Deleted = c.Head, c.deleted
	slices.Reverse(facts.Issued)
	switch {
	case c.deleted:
		return motacilla.Changes{Head: c.Head, Known: facts.Known, Deleted: true}, nil
	case c.Changed > since:
		facts.Channel = &c.Channel
	}
	if limit > 0 && len(facts.Posts)+len(facts.Removed) > limit {
		facts.Truncated, facts.Posts, facts.Removed, facts.Issued = true, nil, nil, nil
	}
	return facts, nil
}

// Heads returns the newest revision of each of the channels.
func (s *Store) Heads(
	ctx context.Context, chs []motacilla.ChannelID,
) (map[motacilla.ChannelID]motacilla.Revision, error) {
	ids := make([]string, 0, len(chs))
	for _, ch := range chs {
		if storable(string(ch)) {
			ids = append(ids, string(ch))
		}
	}
	var all []motacilla.Moved
	err := s.read(ctx, func(q *queries) (err error) {
		all, err = rows(q, scanMoved, qHeads, ids)
		return err
	}, "get heads")
	if err != nil {
		return nil, err
	}
	heads := make(map[motacilla.ChannelID]motacilla.Revision, len(all))
	for _, m := range all {
		heads[m.Channel] = m.Head
	}
	return heads, nil
}

func most(limit int) int64 {
	if limit <= 0 {
		return motacilla.DefaultLimit
	}
	return int64(min(limit, math.MaxInt32))
}
