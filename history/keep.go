package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"go.uber.org/zap"
)

// PutPost puts a post into s, and keeps the version that it replaces, and the one that somebody makes who is known. ctx carries the
// grant of the request, or a byline.
func (h *History) PutPost(
	ctx context.Context, s Store, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	by := byline.Of(ctx)
	if h.off() || replaces == 0 && !by.Known() {
		return s.PutPost(ctx, ch, p, replaces)
	}
	if replaces != 0 {
		was, err := s.Post(ctx, ch, p.ID)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return motacilla.Post{}, err
		}
		next, changed, wrong := was.Amend(p, replaces+1)
		if err != nil || was.Revision != replaces || !changed || wrong != nil {
			return s.PutPost(ctx, ch, p, replaces) // which changes nothing
		}
		fills := len(changes(was, next)) == 0 // only the server's own part of it changes
		before, err := h.before(ctx, ch, was, !fills)
		if err != nil {
			return motacilla.Post{}, fmt.Errorf("keep the version of post %q that is replaced: %w", p.ID, err)
		}
		if fills && !by.Known() {
			by = before.Line
		}
	}
	stored, err := s.PutPost(ctx, ch, p, replaces)
	if err == nil && by.Known() && stored.Revision != replaces {
		h.note(ctx, ch, stored.ID, version{Line: by, Revision: stored.Revision, Post: stored})
	}
	return stored, err
}

// before keeps a version that is about to be replaced, for as long as replaced versions are kept, and returns what is kept of it. If it is
// not kept, and needed is false, nothing happens.
func (h *History) before(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, needed bool) (version, error) {
	v := version{Revision: p.Revision, Post: p}
	for range attempts {
		one, err := h.read(ctx, ch, p.ID, p.Revision)
		switch {
		case err == nil:
			if left := time.Until(one.records[0].Expires); !one.records[0].Expires.IsZero() && left > h.o.Keep-h.o.Keep/100 {
				return one.version, nil // a write has failed, and comes again
			}
			err = h.rewrite(ctx, ch, one, h.o.Keep)
			v = one.version
		case !errors.Is(err, motacilla.ErrNotFound):
			return v, err
		case !needed:
			return v, nil
		default:
			err = h.put(ctx, ch, p.ID, v, h.o.Keep)
		}
		if errors.Is(err, motacilla.ErrConflict) {
			continue
		}
		if err == nil {
			h.settleSometimes(ctx, ch, p)
		}
		return v, err
	}
	return v, motacilla.ErrConflict
}

// noteTime bounds what follows a write that is stored.
const noteTime = 5 * time.Second

// note keeps a version with who made it. The post is stored, so that a failure is no error: only the name is lost.
func (h *History) note(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, v version) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.noting)
	defer cancel()
	ttl := time.Duration(0)
	if v.Removed {
		ttl = h.o.Keep
	}
	err := motacilla.ErrConflict
	for n := 0; n < attempts && errors.Is(err, motacilla.ErrConflict); n++ {
		err = h.put(ctx, ch, id, v, ttl)
		if !errors.Is(err, motacilla.ErrConflict) {
			break
		}
		var one kept // somebody has replaced it already
		if one, err = h.read(ctx, ch, id, v.Revision); err == nil && !one.Known() {
			one.Line = v.Line
			err = h.rewrite(ctx, ch, one, 0)
		} else if errors.Is(err, motacilla.ErrNotFound) {
			err = motacilla.ErrConflict
		}
	}
	if err != nil {
		h.o.Logger.Warn("it is not kept who wrote a version", zap.String("channel", string(ch)), zap.String("post", string(id)),
			zap.Int64("revision", int64(v.Revision)), zap.Error(err))
	}
}

// DeletePost removes a post from s, and keeps its last version.
func (h *History) DeletePost(
	ctx context.Context, s Store, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	if h.off() {
		return s.DeletePost(ctx, ch, id, replaces)
	}
	for {
		p, err := s.Post(ctx, ch, id)
		if errors.Is(err, motacilla.ErrNotFound) || err == nil && replaces != 0 && p.Revision != replaces {
			return s.DeletePost(ctx, ch, id, replaces) // which says so
		}
		if err != nil {
			return 0, err
		}
		if _, err := h.before(ctx, ch, p, true); err != nil {
			return 0, fmt.Errorf("keep the version of post %q that is removed: %w", id, err)
		}
		removed, err := s.DeletePost(ctx, ch, id, p.Revision) // and no later version, which is not kept
		if replaces == 0 && errors.Is(err, motacilla.ErrConflict) && ctx.Err() == nil {
			continue
		}
		if err == nil {
			h.note(ctx, ch, id, version{Line: byline.Of(ctx), Revision: removed, Removed: true})
			h.settle(ctx, ch, id, removed)
		}
		return removed, err
	}
}

// settleSometimes settles a post now and then.
func (h *History) settleSometimes(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post) {
	if p.Revision%8 == 0 {
		h.settle(ctx, ch, p.ID, p.Revision)
	}
}

// settle removes the oldest versions if there are too many, and has those end that were replaced by a node that died. Those after current
// are not replaced.
func (h *History) settle(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, current motacilla.Revision) {
	n := 0
	err := h.each(ctx, ch, id, 0, func(one kept) (bool, error) {
		var err error
		switch n++; {
		case n > h.o.Versions:
			err = h.remove(ctx, one.records)
		case one.Revision < current && one.records[0].Expires.IsZero():
			err = h.rewrite(ctx, ch, one, h.o.Keep)
		}
		if errors.Is(err, motacilla.ErrConflict) {
			err = nil // the next time
		}
		return true, err
	})
	if err != nil {
		h.o.Logger.Warn("old versions can't be removed", zap.String("channel", string(ch)), zap.String("post", string(id)), zap.Error(err))
	}
}
