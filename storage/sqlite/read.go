package sqlite

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// Channel returns the channel.
func (s session) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	return lookup(ctx, s.run, func(from scanner) (motacilla.Channel, error) {
		c, err := scanChannel(from)
		if err == nil && c.deleted {
			err = motacilla.ErrNotFound
		}
		return c.Channel, err
	}, qChannel, []any{id}, "get channel %q", id)
}

// Channels returns at most limit channels after the given ID.
func (s *Store) Channels(
	ctx context.Context, after motacilla.ChannelID, limit int,
) (channels []motacilla.Channel, err error) {
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	err = s.snapshot(ctx, func(q *queries) error {
		rows, err := q.rows(qChannels, after, limit)
		channels, err = list(rows, err, func(from scanner) (motacilla.Channel, error) {
			row, err := scanChannel(from)
			return row.Channel, err
		})
		return err
	}, "list channels")
	return channels, err
}

// Post returns the post.
func (s session) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	return lookup(ctx, s.run, scanPost, qPost, []any{ch, id}, "get post %q of channel %q", id, ch)
}

// PostByMessage returns the post that the source calls messageID.
func (s session) PostByMessage(
	ctx context.Context, ch motacilla.ChannelID, messageID string,
) (p motacilla.Post, err error) {
	err = s.snapshot(ctx, func(q *queries) (err error) {
		p, err = scanPost(q.row(qMessage, ch, messageID))
		if !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		removed, err := is(q.row(qTombMessage, ch, messageID))
		switch {
		case err != nil:
			return err
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
	limit := query.Limit
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	before, id := int64(math.MaxInt64), motacilla.PostID("")
	if !query.Before.IsZero() {
		before, id = query.Before.Created.UnixMicro(), query.Before.ID
	}
	text := qPosts
	if query.Pinned {
		text = qPinned
	}
	err = s.snapshot(ctx, func(q *queries) error {
		c, err := q.channel(ch)
		if err != nil {
			return err
		}
		page.Head = c.Head
		rows, err := q.rows(text, ch, before, id, query.Visible, min(limit, math.MaxInt32)+1)
		page.Posts, err = list(rows, err, scanPost)
		if page.More = len(page.Posts) > limit; page.More {
			page.Posts = page.Posts[:limit]
		}
		return err
	}, "list posts of channel %q", ch)
	if err != nil {
		return motacilla.Page{}, err
	}
	return page, nil
}

// Changes returns what happened on the channel after since.
func (s *Store) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (facts motacilla.Changes, err error) {
	err = s.snapshot(ctx, func(q *queries) (err error) {
		facts, err = q.changes(ch, since, limit)
		return err
	}, "get changes of channel %q", ch)
	if err != nil {
		return motacilla.Changes{}, err
	}
	return facts, nil
}

func (q *queries) changes(ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	facts := motacilla.Changes{}
	c, err := scanChannel(q.row(qChannel, ch))
	if err != nil {
		return facts, err
	}
	facts.Head, facts.Deleted = c.Head, c.deleted
	if err := q.row(qKnown, ch, since).Scan(&facts.Known); err != nil || c.deleted {
		return facts, err
	}
	if err := q.row(qFloor, ch).Scan(&facts.Floor); err != nil {
		return facts, err
	}
	if c.Changed > since {
		facts.Channel = &c.Channel
	}
	since = max(since, facts.Floor-1) // of what is forgotten nothing can be told
	most := int64(-1)
	if limit > 0 {
		most = int64(limit) + 1
	}
	rows, err := q.rows(qChanged, ch, since, most)
	if facts.Posts, err = list(rows, err, scanPost); err != nil {
		return facts, err
	}
	rows, err = q.rows(qRemoved, ch, since, most)
	if facts.Removed, err = list(rows, err, scanRemoval); err != nil {
		return facts, err
	}
	if limit > 0 && len(facts.Posts)+len(facts.Removed) > limit {
		facts.Truncated, facts.Posts, facts.Removed = true, nil, nil
		return facts, nil
	}
	rows, err = q.rows(qIssued, ch, since, motacilla.MaxIssued)
	facts.Issued, err = list(rows, err, scanRevision)
	slices.Reverse(facts.Issued)
	return facts, err
}

// Heads returns the newest revision of each of the channels.
func (s *Store) Heads(
	ctx context.Context, chs []motacilla.ChannelID,
) (map[motacilla.ChannelID]motacilla.Revision, error) {
	heads := make(map[motacilla.ChannelID]motacilla.Revision, len(chs))
	err := s.snapshot(ctx, func(q *queries) error {
		for _, id := range chs {
			head, err := scanRevision(q.row(qHead, id))
			switch err = notFound(err); {
			case err == nil:
				heads[id] = head
			case !errors.Is(err, motacilla.ErrNotFound):
				return err
			}
		}
		return nil
	}, "get heads")
	if err != nil {
		return nil, err
	}
	return heads, nil
}

// channel returns a channel that is there.
func (q *queries) channel(id motacilla.ChannelID) (channelRow, error) {
	c, err := scanChannel(q.row(qChannel, id))
	if err == nil && c.deleted {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return channelRow{}, err
	}
	return c, nil
}
