package redis

import (
	"context"
	"errors"
	"strconv"

	"github.com/motacilla-live/motacilla"
	goredis "github.com/redis/go-redis/v9"
)

// page is how many channels are asked for in one go.
const page = 1000

// possible returns ErrNotFound for an ID that no channel can have: it is no part of a key.
func possible(ch motacilla.ChannelID) error {
	if _, err := motacilla.ParseChannelID(string(ch)); err != nil {
		return motacilla.ErrNotFound
	}
	return nil
}

// Channel returns the channel.
func (s *Store) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Channel, error) {
		c, err := s.channel(ctx, id)
		return c.Channel, err
	}, "get channel %q", id)
}

func (s *Store) channel(ctx context.Context, id motacilla.ChannelID) (channelRow, error) {
	if err := possible(id); err != nil {
		return channelRow{}, err
	}
	fields, err := read(ctx, s.server, func(ctx context.Context, c goredis.UniversalClient) ([]any, error) {
		return c.HMGet(ctx, s.keys.row(id), channelFields...).Result()
	})
	if err != nil {
		return channelRow{}, err
	}
	return parseAlive(id, fields)
}

// Channels returns at most limit channels after the given ID.
func (s *Store) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	return call(ctx, s, func(ctx context.Context) ([]motacilla.Channel, error) {
		var list []motacilla.Channel
		for {
			step := min(limit-len(list), page)
			ids, err := s.ids(ctx, after, step)
			if err != nil {
				return nil, err
			}
			rows, err := s.fields(ctx, ids, channelFields...)
			if err != nil {
				return nil, err
			}
			for i, row := range rows {
				c, err := parseAlive(ids[i], row)
				if err == nil {
					list = append(list, c.Channel)
				} else if !errors.Is(err, motacilla.ErrNotFound) { // the index has deleted ones too
					return nil, err
				}
			}
			if len(ids) < step || len(list) == limit {
				return list, nil
			}
			after = ids[len(ids)-1]
		}
	}, "list channels")
}

// ids returns at most limit channel IDs of the index after the given one, of deleted channels too.
func (s *Store) ids(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.ChannelID, error) {
	from := "-"
	if after != "" {
		from = "(" + string(after)
	}
	texts, err := read(ctx, s.server, func(ctx context.Context, c goredis.UniversalClient) ([]string, error) {
		return c.ZRangeByLex(ctx, s.keys.index(), &goredis.ZRangeBy{Min: from, Max: "+", Count: int64(limit)}).Result()
	})
	ids := make([]motacilla.ChannelID, len(texts))
	for i, text := range texts {
		ids[i] = motacilla.ChannelID(text)
	}
	return ids, err
}

// fields reads fields of channels, each channel's at once.
func (s *Store) fields(ctx context.Context, ids []motacilla.ChannelID, names ...string) ([]reply, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return read(ctx, s.server, func(ctx context.Context, c goredis.UniversalClient) ([]reply, error) {
		cmds, err := c.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for _, id := range ids {
				p.HMGet(ctx, s.keys.row(id), names...)
			}
			return nil
		})
		rows := make([]reply, len(cmds))
		for i, cmd := range cmds {
			if fields, ok := cmd.(*goredis.SliceCmd); ok {
				rows[i] = fields.Val()
			}
		}
		return rows, err
	})
}

// Post returns the post.
func (s *Store) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Post, error) {
		return s.post(ctx, ch, id)
	}, "get post %q of channel %q", id, ch)
}

func (s *Store) post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	if err := possible(ch); err != nil {
		return motacilla.Post{}, err
	}
	text, err := read(ctx, s.server, func(ctx context.Context, c goredis.UniversalClient) (string, error) {
		return c.HGet(ctx, s.keys.posts(ch), string(id)).Result()
	})
	switch {
	case errors.Is(err, goredis.Nil):
		return motacilla.Post{}, motacilla.ErrNotFound
	case err != nil:
		return motacilla.Post{}, err
	}
	return parsePost(id, text)
}

// PostByMessage returns the post that the source calls messageID.
func (s *Store) PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Post, error) {
		if err := possible(ch); err != nil || messageID == "" {
			return motacilla.Post{}, motacilla.ErrNotFound
		}
		r, err := s.run(ctx, lua.message, ch, messageID)
		switch {
		case err != nil:
			return motacilla.Post{}, err
		case r.text(0) == "deleted":
			return motacilla.Post{}, motacilla.ErrDeleted
		case r.text(0) == "post":
			return parsePost(motacilla.PostID(r.text(1)), r.text(2))
		}
		return motacilla.Post{}, motacilla.ErrNotFound
	}, "get post of message %q of channel %q", messageID, ch)
}

// Posts returns the posts that q chooses, newest first.
func (s *Store) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = motacilla.DefaultLimit
	}
	before := "+"
	if !q.Before.IsZero() {
		before = "(" + clockText(q.Before.Created) + string(q.Before.ID)
	}
	return call(ctx, s, func(ctx context.Context) (page motacilla.Page, err error) {
		if err := possible(ch); err != nil {
			return page, err
		}
		r, err := s.run(ctx, lua.posts, ch, before, strconv.Itoa(limit+1), flag(q.Visible), flag(q.Pinned))
		if err != nil {
			return page, err
		}
		if r.text(0) == "missing" {
			return page, motacilla.ErrNotFound
		}
		if page.Head, err = parseRevision(r.text(1)); err != nil {
			return motacilla.Page{}, err
		}
		list := r.list(2)
		if page.More = len(list)/2 > limit; page.More {
			list = list[:2*limit]
		}
		for i := 0; i < len(list); i += 2 {
			p, err := parsePost(motacilla.PostID(list.text(i)), list.text(i+1))
			if err != nil {
				return motacilla.Page{}, err
			}
			page.Posts = append(page.Posts, p)
		}
		return page, nil
	}, "list posts of channel %q", ch)
}

// Changes returns what happened on the channel after since.
func (s *Store) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Changes, error) {
		if err := possible(ch); err != nil {
			return motacilla.Changes{}, err
		}
		r, err := s.run(ctx, lua.changes, ch, revisionText(since), strconv.Itoa(max(limit, 0)),
			strconv.Itoa(motacilla.MaxIssued))
		if err != nil {
			return motacilla.Changes{}, err
		}
		facts, err := parseChanges(ch, since, r)
		if err != nil {
			return motacilla.Changes{}, err
		}
		return facts, nil
	}, "get changes of channel %q", ch)
}

func parseChanges(ch motacilla.ChannelID, since motacilla.Revision, r reply) (facts motacilla.Changes, err error) {
	c, err := parseChannel(ch, r.list(1))
	if err != nil {
		return facts, err
	}
	facts.Head, facts.Deleted, facts.Known = c.Head, c.deleted, r.text(2) == "1"
	if c.deleted {
		return facts, nil
	}
	if facts.Floor, err = parseRevision(r.text(3)); err != nil {
		return facts, err
	}
	if c.Changed > since {
		facts.Channel = &c.Channel
	}
	facts.Truncated = r.text(4) == "1"
	issued := r.list(5)
	for i := len(issued) - 1; i >= 0; i-- {
		rev, err := parseRevision(issued.text(i))
		if err != nil {
			return facts, err
		}
		facts.Issued = append(facts.Issued, rev)
	}
	list := r.list(6)
	for i := 0; i < len(list); i += 3 {
		id := motacilla.PostID(list.text(i + 1))
		if list.text(i) == "p" {
			p, err := parsePost(id, list.text(i+2))
			if err != nil {
				return facts, err
			}
			facts.Posts = append(facts.Posts, p)
			continue
		}
		rev, err := parseRevision(list.text(i + 2))
		if err != nil {
			return facts, err
		}
		facts.Removed = append(facts.Removed, motacilla.Removal{ID: id, Revision: rev})
	}
	return facts, nil
}

// Heads returns the newest revision of each of the channels.
func (s *Store) Heads(
	ctx context.Context, chs []motacilla.ChannelID,
) (map[motacilla.ChannelID]motacilla.Revision, error) {
	return call(ctx, s, func(ctx context.Context) (map[motacilla.ChannelID]motacilla.Revision, error) {
		heads := make(map[motacilla.ChannelID]motacilla.Revision, len(chs))
		for len(chs) > 0 {
			some := chs[:min(page, len(chs))]
			chs = chs[len(some):]
			ids := make([]motacilla.ChannelID, 0, len(some))
			for _, id := range some {
				if possible(id) == nil {
					ids = append(ids, id)
				}
			}
			rows, err := s.fields(ctx, ids, "head")
			if err != nil {
				return nil, err
			}
			for i, row := range rows {
				if row.text(0) == "" {
					continue
				}
				if heads[ids[i]], err = parseRevision(row.text(0)); err != nil {
					return nil, err
				}
			}
		}
		return heads, nil
	}, "get heads")
}
