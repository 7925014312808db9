// Package memory is a store in the memory of one process, for tests, demonstrations and pages that may be lost.
//
// # Durability
//
// None: what was written is gone when the process ends. It is the only store that does not call itself durable. It
// keeps all other promises of package storage.
//
// # One node or many
//
// One. Two stores share nothing, and only the process that has the store sees its writes. Hints are delivered within
// the write that they tell of, after it has become visible.
//
// # Options
//
// A clock for tests, and a logger. The configuration has no settings for it: {type: memory}.
//
// # Limits
//
// Memory grows with the number of posts, of message IDs of removed posts, and of remembered revisions: of each channel
// the newest 10,000, and all of the last 24 hours. The revisions of a deleted channel stay. Writers of one channel wait
// for each other; writers of different channels do not. A reader waits only while a finished change is put in place.
package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/zap"
)

// Options are a Store's settings; nil and zero fields mean the defaults.
type Options struct {
	Clock  motacilla.Clock // gives revisions their time, and says what is 24 hours old; time.Now
	Logger *zap.Logger     // nil logs nothing
}

// Store is a storage.Store in memory. Use New.
type Store struct {
	clock  motacilla.Clock
	logger *zap.Logger

	mu       sync.RWMutex
	channels map[motacilla.ChannelID]*channel // those that were deleted too
	ids      []motacilla.ChannelID            // the keys of channels, sorted

	records *records

	edits    storage.Edits
	closing  sync.Once
	watchers storage.Watchers
	done     chan struct{} // closed by Close
}

var (
	_ storage.Store = (*Store)(nil)
	_ storage.Mover = (*Store)(nil)
)

// New returns an empty store.
func New(o *Options) *Store {
	s := &Store{
		channels: make(map[motacilla.ChannelID]*channel),
		done:     make(chan struct{}),
		logger:   zap.NewNop(),
	}
	if o != nil {
		s.clock = o.Clock
		if o.Logger != nil {
			s.logger = o.Logger
		}
	}
	s.records = &records{store: s, spaces: make(map[string]*space)}
	return s
}

// Ping returns nil until Close.
func (s *Store) Ping(ctx context.Context) error { return s.usable(ctx, "ping store") }

// Close ends Watches.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.done)
		s.logger.Debug("memory store closed")
	})
	return nil
}

// usable returns why a call can't be served, wrapped with the operation, or nil.
func (s *Store) usable(ctx context.Context, format string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return failed(err, format, args...)
	}
	select {
	case <-s.done:
		return failed(motacilla.ErrClosed, format, args...)
	default:
		return nil
	}
}

// find returns the channel of this ID, which may be deleted, or nil if there never was one.
func (s *Store) find(id motacilla.ChannelID) *channel {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.channels[id]
}

// claim returns the channel of this ID. If there never was one, it makes an empty one.
func (s *Store) claim(id motacilla.ChannelID) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		c = &channel{}
		s.channels[id] = c
		at, _ := slices.BinarySearch(s.ids, id)
		s.ids = slices.Insert(s.ids, at, id)
	}
	return c
}
