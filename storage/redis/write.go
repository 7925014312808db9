package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/calls"
	goredis "github.com/redis/go-redis/v9"
)

const (
	forgetting = 64 // one write in so many, on average, prunes the log of its channel
	attempts   = 20 // of an edit, before it is a conflict
)

// now is what write.lua takes as the time.
func (s *Store) now() string {
	if s.clock == nil {
		return ""
	}
	return revisionText(motacilla.Revision(s.clock.Now().UnixMicro()))
}

func (s *Store) pruning() string { return flag(rand.IntN(forgetting) == 0) }

// made reads the revision that a script has issued, and tells of it.
func (s *Store) made(ch motacilla.ChannelID, r reply, deleted bool) (motacilla.Revision, error) {
	rev, err := parseRevision(r.text(1))
	if err == nil {
		s.watchers.Tell(motacilla.Moved{Channel: ch, Head: rev, Deleted: deleted})
	}
	return rev, err
}

// enlist puts a channel into the index, which is in another hash slot: first, so that no channel is missing there. An
// entry without a channel does no harm.
func (s *Store) enlist(ctx context.Context, ch motacilla.ChannelID) error {
	_, err := await(ctx, s, func(ctx context.Context) (int64, error) {
		return s.link.Load().writes.ZAdd(ctx, s.index(), goredis.Z{Member: string(ch)}).Result()
	})
	return err
}

// CreateChannel makes a channel.
func (s *Store) CreateChannel(ctx context.Context, c motacilla.Channel) (motacilla.Channel, error) {
	c = c.Normalize()
	return call(ctx, s, func(ctx context.Context) (motacilla.Channel, error) {
		if err := c.Validate(); err != nil {
			return c, err
		}
		if err := s.enlist(ctx, c.ID); err != nil {
			return c, err
		}
		r, err := s.write(ctx, lua.createChannel, c.ID, c.Title, string(c.Access), endedText(c.Ended))
		if err != nil {
			return c, err
		}
		if r.text(0) == "exists" {
			there, err := parseChannel(c.ID, r.list(1))
			return there.Channel, errors.Join(motacilla.ErrExists, err)
		}
		if c.Head, err = s.made(c.ID, r, false); err != nil {
			return c, err
		}
		c.Created = c.Head.Time()
		return c, nil
	}, "create channel %q", c.ID)
}

// UpdateChannel changes a channel. edit runs again where another changed the channel meanwhile.
func (s *Store) UpdateChannel(
	ctx context.Context, id motacilla.ChannelID, edit func(*motacilla.Channel) error,
) (motacilla.Channel, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Channel, error) {
		c, err := s.channel(ctx, id)
		if err != nil {
			return motacilla.Channel{}, err
		}
		for n := range attempts {
			next, changed, err := c.Amend(calls.Foreign(edit))
			if err != nil {
				return motacilla.Channel{}, err
			}
			if !changed {
				return next, nil
			}
			r, err := s.write(ctx, lua.updateChannel, id, revisionText(c.changed), next.Title, string(next.Access),
				endedText(next.Ended))
			if err != nil {
				return motacilla.Channel{}, err
			}
			switch r.text(0) {
			case "missing":
				return motacilla.Channel{}, motacilla.ErrNotFound
			case "made":
				next.Head, err = s.made(id, r, false)
				return next, err
			}
			if c, err = parseAlive(id, r.list(1)); err != nil {
				return motacilla.Channel{}, err
			}
			if err := s.pause(ctx, n); err != nil {
				return motacilla.Channel{}, err
			}
		}
		return motacilla.Channel{}, motacilla.ErrConflict
	}, "update channel %q", id)
}

// pause waits before attempt n+1 of an edit, at random, so that those who collide part.
func (s *Store) pause(ctx context.Context, n int) error {
	t := time.NewTimer(rand.N(time.Duration(min(n+1, 10)) * 500 * time.Microsecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return s.fault(ctx, ctx.Err())
	}
}

// DeleteChannel deletes a channel with all its posts.
func (s *Store) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Revision, error) {
		if err := possible(id); err != nil {
			return 0, err
		}
		r, err := s.write(ctx, lua.deleteChannel, id)
		if err != nil {
			return 0, err
		}
		if r.text(0) == "missing" {
			return 0, motacilla.ErrNotFound
		}
		rev, err := s.made(id, r, true)
		if err != nil {
			return 0, err
		}
		// No later write will forget the rest. It is deleted either way.
		for left := r.number(2); left > 0 && err == nil; left = r.number(1) {
			r, err = s.write(ctx, lua.forget, id)
		}
		return rev, nil
	}, "delete channel %q", id)
}

// CreatePost makes a post. Where the message ID and the ID are those of different posts, the message ID decides.
func (s *Store) CreatePost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) (motacilla.Post, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Post, error) {
		if err := possible(ch); err != nil {
			return motacilla.Post{}, err
		}
		at := s.clock.Now()
		made, invalid := p.Admit(motacilla.Revision(at.UnixMicro())) // the revision is the script's to give
		rest, created := "", ""
		if invalid == nil {
			var err error
			if rest, err = bodyText(made); err != nil {
				return motacilla.Post{}, err
			}
		}
		timed := !motacilla.Micro(p.Created).IsZero()
		if timed {
			created = clockText(made.Created)
		}
		r, err := s.write(ctx, lua.createPost, ch, string(made.ID), made.MessageID, created, flag(made.Show),
			flag(made.Pinned), rest, lastCreated)
		if err != nil {
			return motacilla.Post{}, err
		}
		switch r.text(0) {
		case "missing":
			return motacilla.Post{}, motacilla.ErrNotFound
		case "exists":
			there, err := parsePost(motacilla.PostID(r.text(1)), r.text(2))
			return there, errors.Join(motacilla.ErrExists, err)
		case "deleted":
			return motacilla.Post{}, motacilla.ErrDeleted
		case "free":
			return motacilla.Post{}, invalid
		case "late":
			return motacilla.Post{}, motacilla.Invalid("created", "must be in the years 1 to 9999")
		}
		if made.Revision, err = s.made(ch, r, false); err != nil {
			return motacilla.Post{}, err
		}
		if !timed {
			made.Created = made.Revision.Time()
			made.Modified = made.Created
		}
		return made, nil
	}, "create post on channel %q", ch)
}

// UpdatePost changes a post. edit runs again where another changed the post meanwhile.
func (s *Store) UpdatePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Post, error) {
		p, err := s.post(ctx, ch, id)
		if err != nil {
			return motacilla.Post{}, err
		}
		for n := range attempts {
			next, changed, err := p.Amend(p.Revision+1, calls.Foreign(edit)) // the revision is the script's to give
			if err != nil {
				return motacilla.Post{}, err
			}
			if !changed {
				return next, nil
			}
			next = next.Clone() // edit may have kept its pointer
			r, err := s.replace(ctx, ch, p, &next)
			switch {
			case err != nil:
				return motacilla.Post{}, err
			case r.text(0) == "missing":
				return motacilla.Post{}, motacilla.ErrNotFound
			case r.text(0) == "made":
				return next, nil
			}
			if p, err = parsePost(id, r.text(1)); err != nil {
				return motacilla.Post{}, err
			}
			if err := s.pause(ctx, n); err != nil {
				return motacilla.Post{}, err
			}
		}
		return motacilla.Post{}, motacilla.ErrConflict
	}, "update post %q of channel %q", id, ch)
}

// replace puts next in the place of p, and gives next its revision where that was done.
func (s *Store) replace(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, next *motacilla.Post) (reply, error) {
	rest, err := bodyText(*next)
	if err != nil {
		return nil, err
	}
	// As Post.Amend has it.
	reworded := next.Author != p.Author || !slices.Equal(next.Content, p.Content)
	modified := ""
	if !reworded {
		modified = modifiedText(next.Modified)
	}
	r, err := s.write(ctx, lua.updatePost, ch, string(p.ID), revisionText(p.Revision), clockText(next.Created), modified,
		flag(next.Show), flag(next.Pinned), rest)
	if err != nil || r.text(0) != "made" {
		return r, err
	}
	if next.Revision, err = s.made(ch, r, false); reworded {
		next.Modified = next.Revision.Time()
	}
	return r, err
}

// DeletePost removes a post. check runs again where another changed the post meanwhile.
func (s *Store) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, check func(motacilla.Post) error,
) (motacilla.Revision, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Revision, error) {
		if err := possible(ch); err != nil {
			return 0, err
		}
		var p motacilla.Post
		var err error
		if check != nil {
			if p, err = s.post(ctx, ch, id); err != nil {
				return 0, err
			}
		}
		for n := range attempts {
			seen := ""
			if check != nil {
				seen = revisionText(p.Revision)
				if err := calls.Checked(check, p.Clone()); err != nil {
					return 0, err
				}
			}
			r, err := s.write(ctx, lua.deletePost, ch, string(id), seen)
			switch {
			case err != nil:
				return 0, err
			case r.text(0) == "missing":
				return 0, motacilla.ErrNotFound
			case r.text(0) == "made":
				return s.made(ch, r, false)
			}
			if p, err = parsePost(id, r.text(1)); err != nil {
				return 0, err
			}
			if err := s.pause(ctx, n); err != nil {
				return 0, err
			}
		}
		return 0, motacilla.ErrConflict
	}, "delete post %q of channel %q", id, ch)
}
