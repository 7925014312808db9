package publisher

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Source is the part of a store that Feed needs. The contract is that of storage.Reader and storage.Watcher.
type Source interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)
	Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error)
	Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error)
	Watch(ctx context.Context, notify func(motacilla.Moved)) error
}

// reads are the calls to a source: each has its deadline, and is counted. They belong to the feed, not to a reader.
type reads struct {
	source  Source
	ctx     context.Context
	timeout time.Duration
	count   *atomic.Int64
}

func (r *reads) channel(id motacilla.ChannelID) (motacilla.Channel, error) {
	return read(r, func(ctx context.Context) (motacilla.Channel, error) { return r.source.Channel(ctx, id) })
}

func (r *reads) posts(ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	return read(r, func(ctx context.Context) (motacilla.Page, error) { return r.source.Posts(ctx, ch, q) })
}

func (r *reads) changes(ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	return read(r, func(ctx context.Context) (motacilla.Changes, error) { return r.source.Changes(ctx, ch, since, limit) })
}

func (r *reads) heads(chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error) {
	return read(r, func(ctx context.Context) (map[motacilla.ChannelID]motacilla.Revision, error) {
		return r.source.Heads(ctx, chs)
	})
}

// read runs one call. If its deadline passes, the error is ErrUnavailable too.
func read[T any](r *reads, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	defer cancel()
	r.count.Add(1)
	v, err := call(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = errors.Join(motacilla.ErrUnavailable, err)
	}
	return v, err
}
