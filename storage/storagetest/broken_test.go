package storagetest_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// flaw is a store that is right except for one thing, and the subtest that must notice it.
type flaw struct {
	name  string
	fails string
	spoil func(s storage.Store) storage.Store
}

var flaws = []flaw{
	{"a reused revision", "Revisions", func(s storage.Store) storage.Store { return &reusesRevision{Store: s} }},
	{"a reused revision, at once", "Followers", func(s storage.Store) storage.Store { return &reusesRevision{Store: s} }},
	{"a lost wake-up", "Watch", func(s storage.Store) storage.Store { return &losesHint{Store: s} }},
	{"a lost wake-up of many", "WatchMany", func(s storage.Store) storage.Store { return &losesHint{Store: s} }},
	{"a hint after the end", "WatchEnds", func(s storage.Store) storage.Store { return watchesOn{s} }},
	{"a goroutine left", "WatchLeaks", func(s storage.Store) storage.Store { return watchesOn{s} }},
	{"a forgotten tombstone", "PostTombstones", func(s storage.Store) storage.Store { return forgetsTombstone{s} }},
	{"a forgotten tombstone, at random", "Model", func(s storage.Store) storage.Store { return forgetsTombstone{s} }},
	{"a torn page", "Snapshots", func(s storage.Store) storage.Store { return tornPage{s} }},
	{"torn changes", "Followers", func(s storage.Store) storage.Store { return tornChanges{s} }},
	{"a revision that came late", "Followers", func(s storage.Store) storage.Store { return &showsLate{Store: s} }},
	{"a revision that is not compared", "PostConflict", func(s storage.Store) storage.Store { return ignoresReplaces{s} }},
	{"a revision that is not compared, at random", "Model", func(s storage.Store) storage.Store { return ignoresReplaces{s} }},
	{"a revision compared too early", "Counter", func(s storage.Store) storage.Store { return checksBefore{s} }},
	{"a post's revision compared too early", "Races", func(s storage.Store) storage.Store { return checksBefore{s} }},
	{"a channel's revision compared too early", "Races", func(s storage.Store) storage.Store { return checksChannelBefore{s} }},
	{"a removal of any revision", "PostConflict", func(s storage.Store) storage.Store { return removesAny{s} }},
	{"a revision for a conflict", "PostConflict", func(s storage.Store) storage.Store { return revisesOnConflict{s} }},
	{"a conflict without the post", "PostConflict", func(s storage.Store) storage.Store { return silentOnConflict{s} }},
	{"every cursor known", "ChangesUnknown", func(s storage.Store) storage.Store { return knowsAll{s} }},
	{"cursors of another life known", "ChannelAnew", func(s storage.Store) storage.Store { return knowsAll{s} }},
	{"every revision listed", "Forgetting", func(s storage.Store) storage.Store { return listsAll{s} }},
	{"revisions forgotten early", "Forgetting", func(s storage.Store) storage.Store { return forgetsEarly{s} }},
	{"hidden posts left out", "Changes", func(s storage.Store) storage.Store { return hidesHidden{s} }},
	{"a page boundary by time alone", "PostOrder", func(s storage.Store) storage.Store { return pagesByTime{s} }},
	{"a page boundary, at random", "Model", func(s storage.Store) storage.Store { return pagesByTime{s} }},
	{"a revision for no change", "PostReplace", func(s storage.Store) storage.Store { return alwaysRevises{s} }},
	{"a shared slice", "Ownership", func(s storage.Store) storage.Store { return &sharesContent{Store: s} }},
	{"a write in spite of its context", "Cancelled", func(s storage.Store) storage.Store { return ignoresContext{s} }},
	{"open after Close", "Closed", func(s storage.Store) storage.Store { return staysOpen{s} }},
}

// losesHint passes on every other hint. A store that lost fewer might lose none that matters: the newest of a channel.
type losesHint struct {
	storage.Store
	n atomic.Int64
}

func (s *losesHint) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	return s.Store.Watch(ctx, func(m motacilla.Moved) {
		if s.n.Add(1)%2 != 0 {
			notify(m)
		}
	})
}

// watchesOn goes on when the context has ended.
type watchesOn struct{ storage.Store }

func (s watchesOn) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	ended := make(chan error, 1)
	forever := make(chan struct{})
	go func() {
		ended <- s.Store.Watch(context.WithoutCancel(ctx), notify)
		<-forever
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// pause is how long a backend may take between two reads.
func pause() { time.Sleep(50 * time.Microsecond) }

// sharesContent hands out the slice that it keeps.
type sharesContent struct {
	storage.Store
	mu    sync.Mutex
	posts map[motacilla.PostID]motacilla.Post
}

func (s *sharesContent) Post(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID,
) (motacilla.Post, error) {
	p, err := s.Store.Post(ctx, ch, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept, ok := s.posts[id]; ok && kept.Revision == p.Revision {
		return kept, err
	}
	if s.posts == nil {
		s.posts = make(map[motacilla.PostID]motacilla.Post)
	}
	s.posts[id] = p
	return p, err
}

// ignoresContext writes though the caller has gone.
type ignoresContext struct{ storage.Store }

func (s ignoresContext) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	made, err := s.Store.PutPost(context.WithoutCancel(ctx), ch, p, replaces)
	return made, errors.Join(err, ctx.Err())
}

// staysOpen answers after Close.
type staysOpen struct{ storage.Store }

func (s staysOpen) Close() error { return nil }
