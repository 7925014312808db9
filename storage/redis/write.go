package redis

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	goredis "github.com/redis/go-redis/v9"
)

// forgetting: one write in so many, on average, prunes the log of its channel.
const forgetting = 64

// now is what write.lua takes as the time.
func (s *Store) now() string {
	if s.clock == nil {
		return ""
	}
	return revisionText(motacilla.Revision(s.clock.Now().UnixMicro()))
}

func (s *Store) pruning() string { return flag(rand.IntN(forgetting) == 0) }

// made reads the revision that a script has issued, and tells Watch.
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
	_, err := await(ctx, s.server, func(ctx context.Context) (int64, error) {
		return s.server.link.Load().writes.ZAdd(ctx, s.keys.index(), goredis.Z{Member: string(ch)}).Result()
	})
	return err
}

// Edits returns what storage.Edit needs to store edits of one post together.
func (s *Store) Edits() *storage.Edits { return &s.edits }

// PutChannel stores a channel.
func (s *Store) PutChannel(
	ctx context.Context, next motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	next = next.Normalize()
	return call(ctx, s, func(ctx context.Context) (motacilla.Channel, error) {
		if err := next.Validate(); err != nil {
			return motacilla.Channel{}, err
		}
		if replaces == 0 {
			return s.createChannel(ctx, next)
		}
		return s.replaceChannel(ctx, next, replaces)
	}, "put channel %q", next.ID)
}

func (s *Store) createChannel(ctx context.Context, c motacilla.Channel) (motacilla.Channel, error) {
	if err := s.enlist(ctx, c.ID); err != nil {
		return motacilla.Channel{}, err
	}
	r, err := s.write(ctx, lua.createChannel, c.ID, c.Title, string(c.Access), endedText(c.Ended))
	if err != nil {
		return motacilla.Channel{}, err
	}
	if r.text(0) == "exists" {
		there, err := parseChannel(c.ID, r.list(1))
		return there.Channel, errors.Join(motacilla.ErrExists, err)
	}
	rev, err := s.made(c.ID, r, false)
	c.Head, c.Changed, c.Created = rev, rev, rev.Time()
	return c, err
}

func (s *Store) replaceChannel(
	ctx context.Context, next motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	r, err := s.write(ctx, lua.replaceChannel, next.ID, revisionText(replaces), next.Title, string(next.Access),
		endedText(next.Ended))
	if err != nil {
		return motacilla.Channel{}, err
	}
	fields := r.list(1)
	switch r.text(0) {
	case "missing":
		return motacilla.Channel{}, motacilla.ErrNotFound
	case "made":
		if _, err := s.made(next.ID, r, false); err != nil {
			return motacilla.Channel{}, err
		}
		fields = r.list(2)
	case "conflict":
		err = motacilla.ErrConflict
	}
	there, malformed := parseChannel(next.ID, fields)
	return there.Channel, errors.Join(err, malformed)
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

// PutPost stores a post.
func (s *Store) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Post, error) {
		if err := possible(ch); err != nil {
			return motacilla.Post{}, err
		}
		if replaces == 0 {
			return s.createPost(ctx, ch, p)
		}
		return s.replacePost(ctx, ch, p, replaces)
	}, "put post %q of channel %q", p.ID, ch)
}

func (s *Store) createPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) (motacilla.Post, error) {
	made, err := p.Admit(motacilla.Revision(s.clock.Now().UnixMicro())) // the script issues the revision
	if err != nil {
		return motacilla.Post{}, err
	}
	w, err := wordsText(made)
	if err != nil {
		return motacilla.Post{}, err
	}
	created, timed := "", !motacilla.Micro(p.Created).IsZero()
	if timed {
		created = clockText(made.Created)
	}
	r, err := s.write(ctx, lua.createPost, ch, string(made.ID), made.MessageID, created, flagsText(made),
		measured(made.Source)+versionText(made.SourceVersion)+w, lastCreated)
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
}

func (s *Store) replacePost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if p.ID == "" {
		return motacilla.Post{}, motacilla.ErrNotFound
	}
	created := ""
	if !motacilla.Micro(p.Created).IsZero() {
		created = clockText(p.Created)
	}
	p.MessageID, p.Source = "", "" // they stay, whatever the caller says
	valid, err := p.Admit(1)
	if err != nil {
		return motacilla.Post{}, err
	}
	w, err := wordsText(valid)
	if err != nil {
		return motacilla.Post{}, err
	}
	r, err := s.write(ctx, lua.replacePost, ch, string(p.ID), revisionText(replaces), created, flagsText(valid),
		versionText(valid.SourceVersion), w)
	if err != nil {
		return motacilla.Post{}, err
	}
	switch r.text(0) {
	case "missing":
		return motacilla.Post{}, motacilla.ErrNotFound
	case "conflict":
		there, err := parsePost(p.ID, r.text(1))
		return there, errors.Join(motacilla.ErrConflict, err)
	case "same":
		return parsePost(p.ID, r.text(1))
	}
	if _, err := s.made(ch, r, false); err != nil {
		return motacilla.Post{}, err
	}
	stored, _, err := parseHeader(p.ID, r.text(2))
	stored.Author, stored.Content = valid.Author, valid.Content
	return stored, err
}

// DeletePost removes a post.
func (s *Store) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	return call(ctx, s, func(ctx context.Context) (motacilla.Revision, error) {
		if err := possible(ch); err != nil {
			return 0, err
		}
		seen := "" // any
		if replaces != 0 {
			seen = revisionText(replaces)
		}
		r, err := s.write(ctx, lua.deletePost, ch, string(id), seen)
		switch {
		case err != nil:
			return 0, err
		case r.text(0) == "missing":
			return 0, motacilla.ErrNotFound
		case r.text(0) == "conflict":
			return 0, motacilla.ErrConflict
		}
		return s.made(ch, r, false)
	}, "delete post %q of channel %q", id, ch)
}
