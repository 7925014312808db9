package publisher_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// slow is a source that takes a second for each reading, after which something new has happened.
type slow struct {
	*faulty
	f *fixture
}

func (s *slow) after() {
	time.Sleep(time.Second)
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

// TestReadersShareAReading has a crowd ask at once while the store is slow and there is always something new: nobody
// waits for a reading of each of the others.
func TestReadersShareAReading(t *testing.T) {
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
			_, err := f.Window(context.Background(), match)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := setUp(t, nil)
				f.feed = publisher.NewFeed(&slow{f.source, &f}, renderFunc(plain), nil)
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
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("the last of 50 had to wait for %v", took)
				}
			})
		})
	}
}

// gated is a source whose first reading of changes takes until its reader has left.
type gated struct {
	*faulty
	first   sync.Once
	reading chan struct{}
}

func (s *gated) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	left := false
	s.first.Do(func() {
		close(s.reading)
		<-ctx.Done()
		left = true
	})
	if left {
		return motacilla.Changes{}, ctx.Err()
	}
	return s.faulty.Changes(ctx, ch, since, limit)
}

// TestAReaderThatLeavesIsNoOutage has a reader leave while the store is read for him: the next one is served what is new,
// and not from memory as in an outage.
func TestAReaderThatLeavesIsNoOutage(t *testing.T) {
	f := setUp(t, nil)
	source := &gated{faulty: f.source, reading: make(chan struct{})}
	f.feed = publisher.NewFeed(source, renderFunc(plain), nil) // not started: it hears nothing, and reads for readers alone
	defer f.feed.Close()
	cursor := f.head()
	if step := f.since(cursor); !step.Heartbeat() {
		t.Fatalf("at the head: %+v", step.Update)
	}
	p := f.post("Goal")
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := f.feed.Since(ctx, match, p.Revision) // a cursor that memory does not know has the store read
		left <- err
	}()
	<-source.reading
	leave()
	if err := <-left; err == nil {
		t.Fatal("the reader that left was answered")
	}
	if step := f.since(p.Revision); step.Revision != p.Revision {
		t.Errorf("the next one is at %d, the store at %d", step.Revision, p.Revision)
	}
}

// mute is a source that answers what it is asked for while a reader waits with an error, after a time.
type mute struct{ *faulty }

func (s *mute) Posts(ctx context.Context, _ motacilla.ChannelID, _ motacilla.Query) (motacilla.Page, error) {
	<-ctx.Done()
	return motacilla.Page{}, ctx.Err()
}

func (s *mute) Changes(ctx context.Context, _ motacilla.ChannelID, _ motacilla.Revision, _ int) (motacilla.Changes, error) {
	<-ctx.Done()
	return motacilla.Changes{}, ctx.Err()
}

// TestReadersShareAFailure has a crowd ask at once for what only the store has, while it is silent: nobody waits until a
// reading has failed for each of the others.
func TestReadersShareAFailure(t *testing.T) {
	since := func(cursor motacilla.Revision) func(*publisher.Feed) error {
		return func(f *publisher.Feed) error {
			_, err := f.Since(context.Background(), match, cursor)
			return err
		}
	}
	for name, ask := range map[string]func(*publisher.Feed) error{
		"a reset": since(0), "an old cursor": since(1), "a window": func(f *publisher.Feed) error {
			_, err := f.Window(context.Background(), match)
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
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("the last of 50 was told after %v", took)
				}
			})
		})
	}
}

// TestACrowdFromEverywhere has readers come at once to a feed that has just begun, each with another cursor: while memory
// reaches back for one after the other of them, nobody is reset.
func TestACrowdFromEverywhere(t *testing.T) {
	f := setUp(t, nil)
	p := f.post("0")
	cursors := []motacilla.Revision{p.Revision}
	for i := range 100 {
		p = f.edit(p.ID, func(p *motacilla.Post) { p.Content[0].Text = fmt.Sprint(i + 1) })
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
