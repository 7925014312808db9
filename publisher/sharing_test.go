package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// slow is a source whose reads take some time each. Meanwhile something new happens.
type slow struct {
	*faulty
	f    *fixture
	each time.Duration
}

func (s *slow) after() {
	time.Sleep(s.each)
	s.f.post("and on")
}

func (s *slow) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	defer s.after()
	return s.faulty.Posts(ctx, ch, q)
}

func (s *slow) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	defer s.after()
	return s.faulty.Changes(ctx, ch, since, limit)
}

// TestReadersShareARead has a crowd ask at once while the store is slow and there is always something new. No reader may wait
// for the reads of all others.
func TestReadersShareARead(t *testing.T) {
	for name, ask := range map[string]func(f *publisher.Feed, cursor motacilla.Revision) error{
		"what is new": func(f *publisher.Feed, cursor motacilla.Revision) error {
			_, err := f.Since(context.Background(), match, cursor)
			return err
		},
		"a reset": func(f *publisher.Feed, _ motacilla.Revision) error {
			_, err := f.Snapshot(context.Background(), match)
			return err
		},
		"a window": func(f *publisher.Feed, _ motacilla.Revision) error {
			_, err := publisher.WagtailOf(f).Window(context.Background(), match)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := setUp(t, nil)
				f.feed = publisher.NewFeed(&slow{f.source, &f, time.Second}, renderFunc(plain), nil)
				if err := f.feed.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				defer f.feed.Close()
				cursor := f.head()
				if _, err := f.feed.Channel(t.Context(), match); err != nil {
					t.Fatal(err)
				}
				f.post("something new")
				began := time.Now()
				var crowd sync.WaitGroup
				for range 50 {
					crowd.Go(func() {
						if err := ask(f.feed, cursor); err != nil {
							t.Error(err)
						}
					})
				}
				crowd.Wait()
				if took := time.Since(began); took > 2*f.feed.Options().Timeout {
					t.Errorf("the last of 50 had to wait for %v", took)
				}
			})
		})
	}
}

// TestReadersDoNotWaitForLong has readers come all the time, while each read takes two thirds of its deadline and there is always
// something new. A reader must be answered soon if memory has its cursor, and otherwise in the time of two reads.
func TestReadersDoNotWaitForLong(t *testing.T) {
	const soon, later = time.Second, 6 * time.Second
	for name, c := range map[string]struct {
		cursor  func(old, head motacilla.Revision) motacilla.Revision
		catchUp int
		most    time.Duration
	}{
		"from memory's head":     {func(_, head motacilla.Revision) motacilla.Revision { return head }, 0, soon},
		"anew":                   {func(_, _ motacilla.Revision) motacilla.Revision { return 0 }, 0, later},
		"of another store":       {func(old, _ motacilla.Revision) motacilla.Revision { return old + 1 }, 0, later},
		"before too much to get": {func(old, _ motacilla.Revision) motacilla.Revision { return old }, 2, later},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := setUp(t, nil)
				old := f.head()
				for range 3 {
					time.Sleep(time.Second) // so that there are revisions between that were never issued
					f.post("too much")
				}
				source := &slow{f.source, &f, 1900 * time.Millisecond}
				f.feed = publisher.NewFeed(source, renderFunc(plain), &publisher.FeedOptions{CatchUp: c.catchUp})
				if err := f.feed.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				defer f.feed.Close()
				head := f.since(0).Revision // there is a snapshot from now on
				var crowd sync.WaitGroup
				for i := range 20 {
					crowd.Go(func() {
						time.Sleep(time.Duration(i) * 377 * time.Millisecond)
						head := head
						for range 10 {
							began := time.Now()
							step, err := f.feed.Since(context.Background(), match, c.cursor(old, head))
							if took := time.Since(began); err != nil || took > c.most {
								t.Errorf("%v, after %v", err, took)
								return
							}
							head = step.Revision
						}
					})
				}
				crowd.Wait()
			})
		})
	}
}

// TestMemoryMovesOnWhileASnapshotIsRead has memory become newer than a snapshot that is being read. That is no reason to read
// again, since the store has lost nothing.
func TestMemoryMovesOnWhileASnapshotIsRead(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{Repair: time.Hour})
	source := &paused{faulty: f.source, reading: make(chan struct{}), let: make(chan struct{})}
	f.feed = publisher.NewFeed(source, renderFunc(plain), &publisher.FeedOptions{Repair: time.Hour})
	if err := f.feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer f.feed.Close()
	old := f.since(f.head()).Revision
	read := make(chan *publisher.Delta)
	go func() {
		step, err := f.feed.Snapshot(context.Background(), match)
		if err != nil {
			t.Error(err)
		}
		read <- step
	}()
	<-source.reading
	p := f.post("meanwhile")
	if step, err := f.feed.Next(t.Context(), match, old); err != nil || step.Revision != p.Revision {
		t.Fatalf("%+v, %v", step, err)
	}
	changes := source.changes.Load()
	close(source.let)
	if step := <-read; step.Revision != old {
		t.Fatalf("the page is at %d, want %d", step.Revision, old)
	}
	if step := f.since(p.Revision); !step.Heartbeat() {
		t.Errorf("from the head: %+v", step.Update)
	}
	if n := source.changes.Load(); n != changes {
		t.Errorf("%d more readings of changes", n-changes)
	}
}

// paused is a source that keeps back the posts that it has read until let is closed. It counts reads of changes.
type paused struct {
	*faulty
	reading, let chan struct{}
	changes      atomic.Int64
}

func (s *paused) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	p, err := s.faulty.Posts(ctx, ch, q)
	close(s.reading)
	<-s.let
	return p, err
}

func (s *paused) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	s.changes.Add(1)
	return s.faulty.Changes(ctx, ch, since, limit)
}

// gated is a source whose first read of changes does not begin before let is closed.
type gated struct {
	*faulty
	first        sync.Once
	reading, let chan struct{}
}

func (s *gated) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	s.first.Do(func() {
		close(s.reading)
		<-s.let
	})
	return s.faulty.Changes(ctx, ch, since, limit)
}

// TestAReaderThatLeavesIsNoOutage has a reader leave while the store is read for it. It must not wait for the read, and the next
// reader must get what is new, not what memory has as in an outage.
func TestAReaderThatLeavesIsNoOutage(t *testing.T) {
	f := setUp(t, nil)
	source := &gated{faulty: f.source, reading: make(chan struct{}), let: make(chan struct{})}
	f.feed = publisher.NewFeed(source, renderFunc(plain), nil) // it is not started, so it hears nothing and reads only for readers
	defer f.feed.Close()
	cursor := f.head()
	if step := f.since(cursor); !step.Heartbeat() {
		t.Fatalf("at the head: %+v", step.Update)
	}
	p := f.post("Goal")
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := f.feed.Since(ctx, match, p.Revision) // the store is read, since memory does not know the cursor
		left <- err
	}()
	<-source.reading
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("the reader that left got %v", err)
	}
	close(source.let)
	if step := f.since(p.Revision); step.Revision != p.Revision {
		t.Errorf("the next one is at %d, the store at %d", step.Revision, p.Revision)
	}
}

// mute is a source that does not answer reads for which a reader waits.
type mute struct{ *faulty }

func (s *mute) Posts(ctx context.Context, _ motacilla.ChannelID, _ motacilla.Query) (motacilla.Page, error) {
	<-ctx.Done()
	return motacilla.Page{}, ctx.Err()
}

func (s *mute) Changes(ctx context.Context, _ motacilla.ChannelID, _ motacilla.Revision, _ int) (motacilla.Changes, error) {
	<-ctx.Done()
	return motacilla.Changes{}, ctx.Err()
}

func (s *mute) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if id == match {
		return s.faulty.Channel(ctx, id)
	}
	<-ctx.Done()
	return motacilla.Channel{}, ctx.Err()
}

// TestReadersShareAFailure has a crowd ask at once for what only the store has, while the store is silent. No reader may wait
// until the reads of all others have failed.
func TestReadersShareAFailure(t *testing.T) {
	since := func(cursor motacilla.Revision) func(*publisher.Feed) error {
		return func(f *publisher.Feed) error {
			_, err := f.Since(context.Background(), match, cursor)
			return err
		}
	}
	for name, ask := range map[string]func(*publisher.Feed) error{
		"a reset": since(0), "an old cursor": since(1), "a channel that is not in memory": func(f *publisher.Feed) error {
			_, err := f.Channel(context.Background(), "other")
			return err
		}, "a window": func(f *publisher.Feed) error {
			_, err := publisher.WagtailOf(f).Window(context.Background(), match)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := setUp(t, nil)
				f.feed = publisher.NewFeed(&mute{f.source}, renderFunc(plain), nil)
				if err := f.feed.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				defer f.feed.Close()
				began := time.Now()
				var crowd sync.WaitGroup
				for range 50 {
					crowd.Go(func() {
						if err := ask(f.feed); err == nil {
							t.Error("a reader was answered")
						}
					})
				}
				crowd.Wait()
				if took := time.Since(began); took > 2*f.feed.Options().Timeout {
					t.Errorf("the last of 50 was told after %v", took)
				}
			})
		})
	}
}

// TestACrowdFromEverywhere has readers come at once to a feed that has just begun, each with another cursor. While the log
// reaches back for one after the other, no reader may be reset.
func TestACrowdFromEverywhere(t *testing.T) {
	f := setUp(t, nil)
	p := f.post("0")
	cursors := []motacilla.Revision{p.Revision}
	for i := range 100 {
		p = f.edit(p.ID, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText(fmt.Sprint(i + 1)) })
		cursors = append(cursors, p.Revision)
	}
	for range 50 {
		feed := publisher.NewFeed(f.source, renderFunc(plain), nil)
		rand.Shuffle(len(cursors), func(i, j int) { cursors[i], cursors[j] = cursors[j], cursors[i] })
		var crowd sync.WaitGroup
		for _, cursor := range cursors {
			crowd.Go(func() {
				step, err := feed.Since(t.Context(), match, cursor)
				switch {
				case err != nil:
					t.Errorf("since %d: %v", cursor, err)
				case step.Reset || step.Revision != p.Revision:
					t.Errorf("since %d: reset %v, at %d; the head is %d", cursor, step.Reset, step.Revision, p.Revision)
				}
			})
		}
		crowd.Wait()
		if err := feed.Close(); err != nil || t.Failed() {
			t.Fatal(err)
		}
	}
}
