package publishertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// Source is a store that can go out of reach. It counts what is read of it.
type Source struct {
	storage.Store
	reads atomic.Int64

	mu     sync.Mutex
	broken bool
	watch  map[*context.CancelFunc]struct{}
}

var errOut = fmt.Errorf("the test's outage: %w", motacilla.ErrUnavailable)

// Fail makes every call fail, and ends those to Watch, until Fail(false).
func (s *Source) Fail(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
	if broken {
		for cancel := range s.watch {
			(*cancel)()
		}
	}
}

// Reads returns how often a channel, posts or changes were asked for.
func (s *Source) Reads() int { return int(s.reads.Load()) }

// read counts a call, which fails with the error.
func (s *Source) read() error {
	s.reads.Add(1)
	return s.err()
}

func (s *Source) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errOut
	}
	return nil
}

// Channel implements [storage.Store].
func (s *Source) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := s.read(); err != nil {
		return motacilla.Channel{}, err
	}
	return s.Store.Channel(ctx, id)
}

// Posts implements [storage.Store].
func (s *Source) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	if err := s.read(); err != nil {
		return motacilla.Page{}, err
	}
	return s.Store.Posts(ctx, ch, q)
}

// Changes implements [storage.Store].
func (s *Source) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	if err := s.read(); err != nil {
		return motacilla.Changes{}, err
	}
	return s.Store.Changes(ctx, ch, since, limit)
}

// Heads implements [storage.Store].
func (s *Source) Heads(
	ctx context.Context, chs []motacilla.ChannelID,
) (map[motacilla.ChannelID]motacilla.Revision, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Heads(ctx, chs)
}

// Watch implements [storage.Store].
func (s *Source) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.broken {
		s.mu.Unlock()
		return errOut
	}
	if s.watch == nil {
		s.watch = make(map[*context.CancelFunc]struct{})
	}
	s.watch[&cancel] = struct{}{}
	s.mu.Unlock()
	err := s.Store.Watch(ctx, notify)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watch, &cancel)
	if s.broken {
		return errOut
	}
	return err
}

// renderer renders a post as its author and its texts.
type renderer struct{}

func (renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	html := `<div class="live-post" data-post-id="` + string(p.ID) + `">` + p.Author
	for _, b := range p.Content {
		html += "<p>" + b.Text.String() + "</p>"
	}
	return motacilla.TrustedHTML(html + "</div>"), nil
}
