package publisher_test

import (
	"context"
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
	for name, cursor := range map[string]motacilla.Revision{"a reset": 0, "an old cursor": 1} {
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
						if _, err := f.feed.Since(context.Background(), match, cursor); err == nil {
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
