package storagetest_test

import (
	"context"
	"errors"
	"slices"
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

// reusesRevision gives every third post the revision before its own.
type reusesRevision struct {
	storage.Store
	n atomic.Int64
}

func (s *reusesRevision) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	p, err := s.Store.PutPost(ctx, ch, p, replaces)
	if err == nil && replaces == 0 && s.n.Add(1)%3 == 0 {
		p.Revision--
	}
	return p, err
}

// losesHint passes on all hints but every ninth.
type losesHint struct {
	storage.Store
	n atomic.Int64
}

func (s *losesHint) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	return s.Store.Watch(ctx, func(m motacilla.Moved) {
		if s.n.Add(1)%9 != 0 {
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

// forgetsTombstone makes a removed post again.
type forgetsTombstone struct{ storage.Store }

func (s forgetsTombstone) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	made, err := s.Store.PutPost(ctx, ch, p, replaces)
	if errors.Is(err, motacilla.ErrDeleted) {
		p.ID, p.MessageID = "", ""
		return s.Store.PutPost(ctx, ch, p, replaces)
	}
	return made, err
}

// pause is how long a backend may take between two reads.
func pause() { time.Sleep(50 * time.Microsecond) }

// tornPage reads the head after the posts.
type tornPage struct{ storage.Store }

func (s tornPage) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	page, err := s.Store.Posts(ctx, ch, q)
	if err != nil {
		return page, err
	}
	pause()
	c, err := s.Store.Channel(ctx, ch)
	page.Head = c.Head
	return page, err
}

// tornChanges reads the posts after the revisions.
type tornChanges struct{ storage.Store }

func (s tornChanges) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	if err != nil {
		return c, err
	}
	pause()
	later, err := s.Store.Changes(ctx, ch, since, limit)
	c.Posts, c.Removed = later.Posts, later.Removed
	return c, err
}

// showsLate shows a revision only after a later one, as a bare sequence does.
type showsLate struct {
	storage.Store
	n atomic.Int64
}

func (s *showsLate) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	if len(c.Issued) > 1 && s.n.Add(1)%2 == 0 {
		late := c.Issued[0]
		c.Issued = c.Issued[1:]
		c.Posts = slices.DeleteFunc(c.Posts, func(p motacilla.Post) bool { return p.Revision == late })
		c.Removed = slices.DeleteFunc(c.Removed, func(r motacilla.Removal) bool { return r.Revision == late })
	}
	return c, err
}

// ignoresReplaces puts a post in the place of whichever is there.
type ignoresReplaces struct{ storage.Store }

func (s ignoresReplaces) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	for replaces != 0 && errors.Is(err, motacilla.ErrConflict) {
		stored, err = s.Store.PutPost(ctx, ch, p, stored.Revision)
	}
	return stored, err
}

// checksBefore compares the revision before the transaction that writes.
type checksBefore struct{ storage.Store }

func (s checksBefore) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if replaces == 0 {
		return s.Store.PutPost(ctx, ch, p, 0)
	}
	there, err := s.Post(ctx, ch, p.ID)
	switch {
	case err != nil:
		return motacilla.Post{}, err
	case there.Revision != replaces:
		return there, motacilla.ErrConflict
	}
	pause()
	return ignoresReplaces(s).PutPost(ctx, ch, p, replaces)
}

// checksChannelBefore does that with a channel.
type checksChannelBefore struct{ storage.Store }

func (s checksChannelBefore) PutChannel(
	ctx context.Context, c motacilla.Channel, replaces motacilla.Revision,
) (motacilla.Channel, error) {
	if replaces == 0 {
		return s.Store.PutChannel(ctx, c, 0)
	}
	there, err := s.Channel(ctx, c.ID)
	switch {
	case err != nil:
		return motacilla.Channel{}, err
	case there.Changed != replaces:
		return there, motacilla.ErrConflict
	}
	pause()
	stored, err := s.Store.PutChannel(ctx, c, replaces)
	for errors.Is(err, motacilla.ErrConflict) {
		stored, err = s.Store.PutChannel(ctx, c, stored.Changed)
	}
	return stored, err
}

// removesAny removes a post whatever its revision is.
type removesAny struct{ storage.Store }

func (s removesAny) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, _ motacilla.Revision,
) (motacilla.Revision, error) {
	return s.Store.DeletePost(ctx, ch, id, 0)
}

// revisesOnConflict issues a revision for a put that it refuses.
type revisesOnConflict struct{ storage.Store }

func (s revisesOnConflict) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if errors.Is(err, motacilla.ErrConflict) {
		gone, other := s.Store.PutPost(ctx, ch, motacilla.Post{}, 0)
		if other == nil {
			_, other = s.DeletePost(ctx, ch, gone.ID, 0)
		}
		err = errors.Join(err, other)
	}
	return stored, err
}

// silentOnConflict does not return the post that is there.
type silentOnConflict struct{ storage.Store }

func (s silentOnConflict) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if errors.Is(err, motacilla.ErrConflict) {
		stored = motacilla.Post{}
	}
	return stored, err
}

// knowsAll says of every cursor up to the head that it knows it.
type knowsAll struct{ storage.Store }

func (s knowsAll) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	c.Known = since > 0 && since <= c.Head
	return c, err
}

// forgetsEarly remembers fewer than 4,096 revisions.
type forgetsEarly struct{ storage.Store }

func (s forgetsEarly) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, 0)
	if len(c.Issued) == motacilla.MaxIssued {
		c.Known = false
	}
	return c, err
}

// listsAll lists more revisions than it may.
type listsAll struct{ storage.Store }

func (s listsAll) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	if len(c.Issued) == motacilla.MaxIssued {
		c.Issued = append([]motacilla.Revision{c.Issued[0] - 1}, c.Issued...)
	}
	return c, err
}

// hidesHidden tells of visible posts alone.
type hidesHidden struct{ storage.Store }

func (s hidesHidden) Changes(
	ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int,
) (motacilla.Changes, error) {
	c, err := s.Store.Changes(ctx, ch, since, limit)
	c.Posts = slices.DeleteFunc(c.Posts, func(p motacilla.Post) bool { return !p.Show })
	return c, err
}

// pagesByTime takes up a list by Created alone.
type pagesByTime struct{ storage.Store }

func (s pagesByTime) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	q.Before.ID = ""
	return s.Store.Posts(ctx, ch, q)
}

// alwaysRevises issues a revision whether or not anything changed.
type alwaysRevises struct{ storage.Store }

func (s alwaysRevises) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := s.Store.PutPost(ctx, ch, p, replaces)
	if err == nil && stored.Revision == replaces {
		p.SourceVersion++
		return s.Store.PutPost(ctx, ch, p, replaces)
	}
	return stored, err
}

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

// The stores below move channels wrongly.

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

// neverConflicts takes a head that goes back for one that was repeated.
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
