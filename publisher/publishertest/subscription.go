package publishertest

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// Subscription follows a channel by [publisher.Feed.Next], one delta after the other. It is for one goroutine at a time.
type Subscription struct {
	feed    *publisher.Feed
	channel motacilla.ChannelID
	cursor  motacilla.Revision
	begun   bool
	ended   bool
}

// Subscribe begins to follow at cursor. The error is that of [publisher.Feed.Channel].
func Subscribe(
	ctx context.Context, feed *publisher.Feed, ch motacilla.ChannelID, cursor motacilla.Revision,
) (*Subscription, error) {
	if _, err := feed.Channel(ctx, ch); err != nil {
		return nil, err
	}
	return &Subscription{feed: feed, channel: ch, cursor: cursor}, nil
}

// Next returns the first delta at once, be it a heartbeat, then whatever comes, and a heartbeat after FeedOptions.Heartbeat of
// silence. While the store is out of reach there are heartbeats. After an update that is Gone the error is io.EOF; otherwise it is
// ctx's, or ErrClosed.
func (s *Subscription) Next(ctx context.Context) (*publisher.Delta, error) {
	if s.ended {
		return nil, io.EOF
	}
	silent, cancel := context.WithTimeout(ctx, s.feed.Options().Heartbeat)
	defer cancel()
	for {
		d, err := s.look(silent)
		switch {
		case err == nil:
			s.begun, s.cursor, s.ended = true, d.Revision, d.Gone
			return d, nil
		case errors.Is(err, motacilla.ErrNotFound):
			s.ended = true
			return nil, io.EOF
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case silent.Err() != nil:
			return s.feed.Idle(s.channel, s.cursor), nil
		case !errors.Is(err, motacilla.ErrUnavailable):
			return nil, err
		}
		select {
		case <-time.After(s.feed.Options().Repair):
		case <-silent.Done():
		}
	}
}

func (s *Subscription) look(ctx context.Context) (*publisher.Delta, error) {
	if !s.begun {
		return s.feed.Since(ctx, s.channel, s.cursor)
	}
	return s.feed.Next(ctx, s.channel, s.cursor)
}
