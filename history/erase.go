package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"go.uber.org/zap"
)

// Erased is what was removed for good.
type Erased struct {
	Post     motacilla.PostID
	Versions int      // that were kept
	Drafts   int      // that it was made from, or that edit it
	Images   []string // IDs of images that nothing else has
}

// ErasePost removes a post, all its versions, its drafts, and the images that nothing else has. If replaces is not 0, the error is an
// ErrConflict if the post has another revision. The post may be removed already. The error is an ErrNotFound if nothing of it is left.
// If it fails in between, the rest is removed later, and it may be called again.
func (h *History) ErasePost(
	ctx context.Context, s Store, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (Erased, error) {
	e := erasure{At: time.Now().UTC(), Replaces: replaces}
	p, err := s.Post(ctx, ch, id)
	gone := errors.Is(err, motacilla.ErrNotFound)
	if err != nil && !gone {
		return Erased{}, err
	}
	if !gone && replaces != 0 && p.Revision != replaces {
		return Erased{}, fmt.Errorf("erase post %q: %w", id, motacilla.ErrConflict)
	}
	left := 0
	e.of(h, p)
	if err := h.each(ctx, ch, id, 0, func(one kept) (bool, error) {
		left++
		e.of(h, one.Post)
		return true, nil
	}); err != nil {
		return Erased{}, err
	}
	drafts, err := drafted.Find(ctx, h.records, drafted.About{Channel: ch, Post: id, Draft: e.Draft}, func(b motacilla.Block) {
		e.Images = h.imagesOf(e.Images, []motacilla.Block{b})
	})
	if err != nil {
		return Erased{}, err
	}
	left += drafts
	was, begun, err := h.erasure(ctx, postKey(ch, id))
	if err != nil {
		return Erased{}, err
	}
	if gone && left == 0 && !begun {
		return Erased{}, fmt.Errorf("post %q: %w", id, motacilla.ErrNotFound)
	}
	for _, image := range was.Images {
		e.Images = with(e.Images, image)
	}
	e.Draft, e.Before = cmp.Or(e.Draft, was.Draft), cmp.Or(e.Before, was.Before)
	if err := h.remember(ctx, postKey(ch, id), e); err != nil {
		return Erased{}, err
	}
	return h.erase(ctx, s, ch, id, e)
}

// erase does what an erasure says that is begun.
func (h *History) erase(ctx context.Context, s Store, ch motacilla.ChannelID, id motacilla.PostID, e erasure) (Erased, error) {
	if e.Through == 0 {
		removed, err := s.DeletePost(ctx, ch, id, e.Replaces)
		switch {
		case errors.Is(err, motacilla.ErrConflict):
			return Erased{}, errors.Join(err, h.forget(ctx, postKey(ch, id)))
		case errors.Is(err, motacilla.ErrNotFound): // no later version comes, at least in this life of the channel
			heads, err := s.Heads(ctx, []motacilla.ChannelID{ch})
			if err != nil {
				return Erased{}, err
			}
			removed = heads[ch]
		case err != nil:
			return Erased{}, err
		}
		e.Through = max(removed, 1)
		if err := h.remember(ctx, postKey(ch, id), e); err != nil {
			return Erased{}, err
		}
	}
	done := Erased{Post: id}
	var err error
	if done.Versions, err = h.purge(ctx, postPrefix(ch, id), e.Through); err != nil {
		return done, err
	}
	if done.Drafts, err = drafted.Forget(ctx, h.records, drafted.About{Channel: ch, Post: id, Draft: e.Draft}); err != nil {
		return done, err
	}
	if e.Before != "" {
		if err := h.eraseBefore(ctx, s, ch, e.Before, &done); err != nil {
			return done, err
		}
	}
	if h.site.Images != nil && len(e.Images) > 0 {
		images, err := h.site.Images.Release(ctx, e.Images)
		done.Images = append(done.Images, images...)
		if err != nil {
			return done, fmt.Errorf("remove the images of post %q: %w", id, err)
		}
	}
	return done, h.remember(ctx, postKey(ch, id), erasure{At: e.At, Replaces: e.Replaces, Through: e.Through, Done: true})
}

// eraseBefore removes what is left of the removed post that another one was restored from.
func (h *History) eraseBefore(ctx context.Context, s Store, ch motacilla.ChannelID, id motacilla.PostID, done *Erased) error {
	_, err := s.Post(ctx, ch, id)
	if err == nil { // it is a post of a later life of the channel
		return nil
	}
	var more Erased
	if errors.Is(err, motacilla.ErrNotFound) {
		more, err = h.ErasePost(ctx, s, ch, id, 0)
	}
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil
	}
	done.Versions += more.Versions
	done.Drafts += more.Drafts
	done.Images = append(done.Images, more.Images...)
	return err
}

// DeleteChannel deletes a channel of s, and all versions of its posts.
func (h *History) DeleteChannel(ctx context.Context, s Store, ch motacilla.ChannelID) (motacilla.Revision, error) {
	if err := h.remember(ctx, string(ch), erasure{At: time.Now().UTC()}); err != nil {
		return 0, err
	}
	deleted, err := s.DeleteChannel(ctx, ch)
	if err != nil {
		return deleted, err
	}
	if err := h.purgeChannel(ctx, s, ch); err != nil {
		h.o.Logger.Warn("versions of a deleted channel are still there; they are removed later",
			zap.String("channel", string(ch)), zap.Error(err))
	}
	return deleted, nil
}

// purgeChannel removes the versions of earlier lives of a channel.
func (h *History) purgeChannel(ctx context.Context, s Store, ch motacilla.ChannelID) error {
	heads, err := s.Heads(ctx, []motacilla.ChannelID{ch})
	if err != nil {
		return err
	}
	through := heads[ch]
	c, err := s.Channel(ctx, ch)
	switch {
	case err == nil:
		through = motacilla.Revision(c.Created.UnixMicro()) - 1
	case !errors.Is(err, motacilla.ErrNotFound):
		return err
	}
	_, err = h.purge(ctx, string(ch)+"/", through)
	return err
}
