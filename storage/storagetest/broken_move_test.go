package storagetest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// moverFlaws are those of stores that move channels wrongly.
var moverFlaws = []moverFlaw{
	{"tombstones left behind", "RoundTrip", func(s movable) storage.Store { return losesTombstones{s} }},
	{"revisions that forget too little", "Forgotten", func(s movable) storage.Store { return keepsFloor{s} }},
	{"a torn import", "Atomic", func(s movable) storage.Store { return tornImport{s} }},
	{"an import that nobody is told of", "Watch", func(s movable) storage.Store { return &quietImport{movable: s} }},
	{"an import that goes back", "Repeats", func(s movable) storage.Store { return neverConflicts{s} }},
	{"an import that loses a post", "WhileWritten", func(s movable) storage.Store { return skipsRecords{s} }},
	{"a barrier that anyone passes", "Barrier", func(s movable) storage.Store { return lowBarrier{s} }},
	{"a barrier before its time", "Model", func(s movable) storage.Store { return earlyBarrier{s} }},
	{"imported posts left out, at random", "Model", func(s movable) storage.Store { return skipsRecords{s} }},
}

// movable is a store that moves channels.
type movable interface {
	storage.Store
	storage.Mover
}

type moverFlaw struct {
	name  string
	fails string
	spoil func(s movable) storage.Store
}

// losesTombstones does not tell of removed posts.
type losesTombstones struct{ movable }

func (s losesTombstones) ChangeRecords(
	ctx context.Context, ch motacilla.ChannelID, after motacilla.Revision, limit int,
) ([]motacilla.ChangeRecord, error) {
	list, err := s.movable.ChangeRecords(ctx, ch, after, limit)
	for i := range list {
		list[i].Removed = nil
	}
	return list, err
}

// keepsFloor forgets nothing of what it has.
type keepsFloor struct{ movable }

func (s keepsFloor) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	all, err := s.ChannelRecords(ctx, "", 1000)
	for _, old := range all {
		if old.ID == c.ID && old.Born == c.Born {
			c.Floor = min(c.Floor, old.Floor)
		}
	}
	return errors.Join(err, s.movable.Import(ctx, c, records))
}

// tornImport is two writes.
type tornImport struct{ movable }

func (s tornImport) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	if n := len(records) / 2; n > 0 {
		half := c
		half.Head = records[n].Revision
		half.Floor, half.Changed = min(c.Floor, half.Head), min(c.Changed, half.Head)
		if err := s.movable.Import(ctx, half, records[:n]); err != nil {
			return err
		}
		pause()
	}
	return s.movable.Import(ctx, c, records)
}

// quietImport does not tell of what is imported.
type quietImport struct {
	movable
	quiet atomic.Bool
}

func (s *quietImport) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	s.quiet.Store(true)
	defer s.quiet.Store(false)
	return s.movable.Import(ctx, c, records)
}

func (s *quietImport) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	return s.movable.Watch(ctx, func(m motacilla.Moved) {
		if !s.quiet.Load() {
			notify(m)
		}
	})
}

// neverConflicts returns no error for an import that is older than what it has.
type neverConflicts struct{ movable }

func (s neverConflicts) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	err := s.movable.Import(ctx, c, records)
	if errors.Is(err, motacilla.ErrConflict) {
		return nil
	}
	return err
}

// skipsRecords loses the first post of an import.
type skipsRecords struct{ movable }

func (s skipsRecords) Import(ctx context.Context, c motacilla.ChannelRecord, records []motacilla.ChangeRecord) error {
	records = slices.Clone(records)
	if at := slices.IndexFunc(records, func(r motacilla.ChangeRecord) bool { return r.Post != nil }); at >= 0 {
		records[at].Post = nil
	}
	return s.movable.Import(ctx, c, records)
}

// lowBarrier is a revision like any other.
type lowBarrier struct{ movable }

func (s lowBarrier) Barrier(ctx context.Context, ch motacilla.ChannelID, at motacilla.Revision) (motacilla.Revision, error) {
	c, err := s.Channel(ctx, ch)
	if err != nil {
		return 0, err
	}
	title := c.Title
	c.Title += "x"
	if c, err = s.PutChannel(ctx, c, c.Changed); err != nil {
		return 0, err
	}
	c.Title = title
	c, err = s.PutChannel(ctx, c, c.Changed)
	return max(c.Head, at), err
}

// earlyBarrier does not mind how late it is to be.
type earlyBarrier struct{ movable }

func (s earlyBarrier) Barrier(ctx context.Context, ch motacilla.ChannelID, _ motacilla.Revision) (motacilla.Revision, error) {
	return s.movable.Barrier(ctx, ch, 0)
}
