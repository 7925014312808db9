package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Erased is what was removed for good.
type Erased struct {
	Post     motacilla.PostID
	Versions int      // that were kept
	Images   []string // IDs of images that nothing else has
}

// erasures has one record for each post that is or was removed for good, under CHANNEL/POST, and for each deleted channel, under its ID.
// A node that keeps a version looks here afterwards, so that none is left.
const erasures = "history-erased"

// erasure is such a record.
type erasure struct {
	At       time.Time          `json:"at"`
	Replaces motacilla.Revision `json:"replaces,omitzero"` // the revision that the post must have to be removed
	// Through is the last revision whose versions are removed. 0: the post is not removed yet.
	Through motacilla.Revision `json:"through,omitzero"`
	Images  []string           `json:"images,omitempty"`
}

// How long an erasure is remembered, once it is done and before. Nodes take much less than the first to keep a version.
const (
	rememberDone  = 24 * time.Hour
	rememberBegun = 90 * 24 * time.Hour
)

func postKey(ch motacilla.ChannelID, id motacilla.PostID) string {
	return string(ch) + "/" + string(id)
}

// ErasePost removes a post, all its versions, and the images that nothing else has. If replaces is not 0, the error is an ErrConflict if the
// post has another revision. The post may be removed already. The error is an ErrNotFound if there is no such post, and no version. If it
// fails in between, the rest is removed later, and it may be called again.
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
	versions := 0
	e.Images = h.imagesOf(nil, p.Content)
	if err := h.each(ctx, ch, id, 0, func(one kept) (bool, error) {
		versions++
		e.Images = h.imagesOf(e.Images, one.Post.Content)
		return true, nil
	}); err != nil {
		return Erased{}, err
	}
	was, begun, err := h.erasure(ctx, postKey(ch, id))
	if err != nil {
		return Erased{}, err
	}
	if gone && versions == 0 && !begun {
		return Erased{}, fmt.Errorf("post %q: %w", id, motacilla.ErrNotFound)
	}
	for _, image := range was.Images {
		e.Images = with(e.Images, image)
	}
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
	if h.site.Images != nil && len(e.Images) > 0 {
		if done.Images, err = h.site.Images.Release(ctx, e.Images); err != nil {
			return done, fmt.Errorf("remove the images of post %q: %w", id, err)
		}
	}
	e.Images = nil
	return done, h.remember(ctx, postKey(ch, id), e)
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
		h.o.Logger.Warn("versions of a deleted channel are still there; they are removed later", zap.String("channel", string(ch)), zap.Error(err))
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

// purge removes all versions up to a revision, of a post or a channel, and returns how many there were.
func (h *History) purge(ctx context.Context, prefix string, through motacilla.Revision) (n int, err error) {
	const page = 50
	for after := ""; ; {
		list, err := h.records.List(ctx, namespace, prefix, after, page)
		if err != nil {
			return n, fmt.Errorf("list versions: %w", err)
		}
		for _, r := range list {
			after = r.Key
			at, ok := parseKey(r.Key)
			if !ok || at.revision > through {
				continue
			}
			if err := h.removeRecord(ctx, r); err != nil {
				return n, fmt.Errorf("remove version %q: %w", r.Key, err)
			}
			if at.part == "" {
				n++
			}
		}
		if len(list) < page {
			return n, nil
		}
	}
}

// unlessErased removes a version that was kept although its post was removed for good meanwhile.
func (h *History) unlessErased(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, r motacilla.Revision) error {
	e, _, err := h.erasure(ctx, postKey(ch, id))
	if err != nil || r > e.Through {
		return err
	}
	_, err = h.purge(ctx, postPrefix(ch, id)+place(r), r)
	return err
}

// erasure returns what is known of the removal of a post or channel, and whether there is something.
func (h *History) erasure(ctx context.Context, key string) (e erasure, found bool, err error) {
	r, err := h.records.Get(ctx, erasures, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return e, false, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Value, &e)
	}
	return e, err == nil, err
}

// remember writes an erasure over another one, whatever that is.
func (h *History) remember(ctx context.Context, key string, e erasure) error {
	ttl := rememberBegun
	if e.Through != 0 && len(e.Images) == 0 {
		ttl = rememberDone
	}
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return h.overwrite(ctx, motacilla.Record{Namespace: erasures, Key: key, Value: value, TTL: ttl})
}

func (h *History) forget(ctx context.Context, key string) error {
	r, err := h.records.Get(ctx, erasures, key)
	if err == nil {
		err = h.records.Delete(ctx, erasures, key, r.Version)
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil
	}
	return err
}
