package live

import (
	"context"

	"github.com/motacilla-live/motacilla"
	editing "github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/storage"
)

// Tracer begins a span for a call of the store, such as "PutPost". ch is the call's channel, or empty. It returns the span's
// context, and a function that ends the span with the call's error.
type Tracer func(ctx context.Context, call string, ch motacilla.ChannelID) (context.Context, func(error))

// traced is a store each of whose calls is a span. Watch is none, because it lasts as long as the site.
type traced struct {
	storage.Store
	begin   Tracer
	written func(ctx context.Context, ch motacilla.ChannelID, r motacilla.Revision)
}

func trace(s storage.Store, t Tracer) storage.Store {
	return &traced{s, t, func(context.Context, motacilla.ChannelID, motacilla.Revision) {}}
}

// Edits returns what the store has to store edits of one post together, or nil.
func (s *traced) Edits() *editing.Batches {
	if b, ok := s.Store.(editing.Batcher); ok {
		return b.Edits()
	}
	return nil
}

// stored is span for a call that writes. revision returns that of what was written.
func stored[T any](
	ctx context.Context, s *traced, call string, ch motacilla.ChannelID, revision func(T) motacilla.Revision,
	do func(context.Context) (T, error),
) (T, error) {
	return span(ctx, s, call, ch, func(ctx context.Context) (T, error) {
		v, err := do(ctx)
		if err == nil {
			s.written(ctx, ch, revision(v))
		}
		return v, err
	})
}

func changed(c motacilla.Channel) motacilla.Revision        { return c.Changed }
func revised(p motacilla.Post) motacilla.Revision           { return p.Revision }
func itself(r motacilla.Revision) (same motacilla.Revision) { return r }

func span[T any](
	ctx context.Context, s *traced, call string, ch motacilla.ChannelID, do func(context.Context) (T, error),
) (T, error) {
	ctx, end := s.begin(ctx, call, ch)
	v, err := do(ctx)
	end(err)
	return v, err
}

func (s *traced) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	return span(ctx, s, "Channel", id, func(ctx context.Context) (motacilla.Channel, error) { return s.Store.Channel(ctx, id) })
}

func (s *traced) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	return span(ctx, s, "Channels", "", func(ctx context.Context) ([]motacilla.Channel, error) {
		return s.Store.Channels(ctx, after, limit)
	})
}

func (s *traced) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	return span(ctx, s, "Post", ch, func(ctx context.Context) (motacilla.Post, error) { return s.Store.Post(ctx, ch, id) })
}

func (s *traced) PostByMessage(ctx context.Context, ch motacilla.ChannelID, messageID string) (motacilla.Post, error) {
	return span(ctx, s, "PostByMessage", ch, func(ctx context.Context) (motacilla.Post, error) {
		return s.Store.PostByMessage(ctx, ch, messageID)
	})
}

func (s *traced) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	return span(ctx, s, "Posts", ch, func(ctx context.Context) (motacilla.Page, error) { return s.Store.Posts(ctx, ch, q) })
}

func (s *traced) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	return span(ctx, s, "Changes", ch, func(ctx context.Context) (motacilla.Changes, error) {
		return s.Store.Changes(ctx, ch, since, limit)
	})
}

func (s *traced) Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error) {
	return span(ctx, s, "Heads", "", func(ctx context.Context) (map[motacilla.ChannelID]motacilla.Revision, error) {
		return s.Store.Heads(ctx, chs)
	})
}

func (s *traced) PutChannel(
	ctx context.Context, c motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	return stored(ctx, s, "PutChannel", c.ID, changed, func(ctx context.Context) (motacilla.Channel, error) {
		return s.Store.PutChannel(ctx, c, replaces)
	})
}

func (s *traced) DeleteChannel(ctx context.Context, id motacilla.ChannelID) (motacilla.Revision, error) {
	return stored(ctx, s, "DeleteChannel", id, itself, func(ctx context.Context) (motacilla.Revision, error) {
		return s.Store.DeleteChannel(ctx, id)
	})
}

func (s *traced) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	return stored(ctx, s, "PutPost", ch, revised, func(ctx context.Context) (motacilla.Post, error) {
		return s.Store.PutPost(ctx, ch, p, replaces)
	})
}

func (s *traced) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	return stored(ctx, s, "DeletePost", ch, itself, func(ctx context.Context) (motacilla.Revision, error) {
		return s.Store.DeletePost(ctx, ch, id, replaces)
	})
}

func (s *traced) Ping(ctx context.Context) error {
	_, err := span(ctx, s, "Ping", "", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Store.Ping(ctx) })
	return err
}
