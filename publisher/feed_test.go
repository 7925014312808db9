package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

func TestOneReadAndOneEncodingForAllWhoWait(t *testing.T) {
	f := setUp(t, nil)
	head := f.since(0).Revision
	const readers = 2000
	var ready, done sync.WaitGroup
	bodies := make([][]byte, readers)
	ready.Add(readers)
	for i := range readers {
		done.Go(func() {
			ready.Done()
			step, err := f.feed.Next(t.Context(), match, head)
			if err != nil {
				t.Error(err)
				return
			}
			bodies[i] = step.Encode(publisher.JSON)
		})
	}
	ready.Wait()
	reads, before := f.source.reads.Load(), f.feed.Metrics().Counters()
	f.post("Goal")
	done.Wait()
	after := f.feed.Metrics().Counters()
	if n := f.source.reads.Load() - reads; n != 1 {
		t.Errorf("%d reads of the store for one update, want 1", n)
	}
	if n := after.Encodings - before.Encodings; n != 1 {
		t.Errorf("%d encodings, want 1", n)
	}
	if n := after.Renders - before.Renders; n != 1 {
		t.Errorf("%d renders, want 1", n)
	}
	for _, body := range bodies {
		if &body[0] != &bodies[0][0] {
			t.Fatal("readers got different bytes")
		}
	}
}

func TestSinceEveryRevision(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := setUp(t, &publisher.FeedOptions{PageSize: 5})
		var posts []motacilla.PostID
		views := []*motacilla.View{}
		join := func() {
			v := &motacilla.View{}
			v.Apply(f.since(0).Update, true)
			views = append(views, v)
		}
		join()
		for range 60 {
			f.change(rng, &posts)
			join()
		}
		follow := func(f fixture) {
			for _, v := range views {
				held := *v
				for again := true; again; {
					again = held.Apply(f.since(held.Revision).Update, true)
				}
				f.same(&held)
			}
		}
		follow(f)

		t.Run("after a restart", func(t *testing.T) {
			source := &faulty{store: f.store}
			feed := publisher.NewFeed(source, renderFunc(plain), &publisher.FeedOptions{PageSize: 5})
			defer feed.Close()
			rng.Shuffle(len(views), func(i, j int) { views[i], views[j] = views[j], views[i] })
			follow(fixture{t, f.store, source, feed})
			if n := source.reads.Load(); n > 20 {
				t.Errorf("%d reads of the store for %d cursors, want at most 20", n, len(views))
			}
		})
	}
}

func TestAThousandCursorsAfterARestart(t *testing.T) {
	f := setUp(t, nil)
	p := f.post("0")
	var cursors []motacilla.Revision
	for i := range 1000 {
		cursors = append(cursors, f.edit(p.ID, func(p *motacilla.Post) { p.Content[0] = motacilla.PlainText(fmt.Sprint(i + 1)) }).Revision)
	}
	rand.Shuffle(len(cursors), func(i, j int) { cursors[i], cursors[j] = cursors[j], cursors[i] })
	source := &faulty{store: f.store}
	feed := publisher.NewFeed(source, renderFunc(plain), nil)
	defer feed.Close()
	var readers sync.WaitGroup
	for _, cursor := range cursors {
		readers.Go(func() {
			step, err := feed.Since(t.Context(), match, cursor)
			if err != nil || step.Reset {
				t.Errorf("since %d: reset %v, error %v", cursor, step != nil && step.Reset, err)
			}
		})
	}
	readers.Wait()
	if n := source.reads.Load(); n > 50 { // each read reaches back to a cursor, and the log then has all later ones
		t.Errorf("%d reads of the store, want at most 50", n)
	}
}

func TestDeletedChannel(t *testing.T) {
	f := setUp(t, nil)
	head := f.since(0).Revision
	sub, err := publishertest.Subscribe(t.Context(), f.feed, match, head)
	if err != nil {
		t.Fatal(err)
	}
	if step, err := sub.Next(t.Context()); err != nil || !step.Heartbeat() {
		t.Fatalf("first step: %v, %v", step, err)
	}
	var step *publisher.Delta
	told := make(chan struct{})
	go func() {
		defer close(told)
		step, err = sub.Next(t.Context())
	}()
	for held := 0; held == 0; time.Sleep(time.Millisecond) { // who comes later is told that there is no such channel
		if list, _ := f.feed.Readers(nil); len(list) > 0 {
			held = list[0].Held
		}
	}
	gone, wrong := f.store.DeleteChannel(t.Context(), match)
	if wrong != nil {
		t.Fatal(wrong)
	}
	<-told
	if err != nil || !step.Gone || step.Revision != gone {
		t.Fatalf("got %+v, %v; want gone at %d", step, err, gone)
	}
	if _, err := sub.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after gone: %v, want io.EOF", err)
	}
	if _, err := f.feed.Since(t.Context(), match, head); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("later: %v, want ErrNotFound", err)
	}
	if _, err := f.store.PutChannel(t.Context(), motacilla.Channel{ID: match}, 0); err != nil {
		t.Fatal(err)
	}
	if step := f.since(head); !step.Reset || !step.Complete || len(step.Renders) != 0 {
		t.Errorf("made again: %+v, want an empty reset", step.Update)
	}
}

func TestForeignCursors(t *testing.T) {
	f := setUp(t, nil)
	first := f.since(0).Revision
	f.post("one")
	head := f.post("two").Revision
	for _, cursor := range []motacilla.Revision{0, 1, first - 1, first + 1, head - 1, head + 1, head + 1e12, 1<<63 - 1} {
		step := f.since(cursor)
		if !step.Reset || step.From != cursor || step.Revision != head || len(step.Renders) != 2 || step.State == nil {
			t.Errorf("since %d: %+v, want a reset", cursor, step.Update)
		}
	}
	reads := f.source.reads.Load()
	for range 100 {
		f.since(1)
		f.since(head + 1)
		f.since(head)
		f.since(first)
	}
	if n := f.source.reads.Load() - reads; n != 0 {
		t.Errorf("%d reads of the store for what was asked before", n)
	}
}

func TestTooMuchToCatchUp(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{CatchUp: 10, PageSize: 3})
	first := f.since(0).Revision
	for i := range 11 {
		if i == 10 {
			if step := f.since(first); step.Reset || len(step.Renders) != 10 {
				t.Fatalf("ten posts: reset %v, %d renders", step.Reset, len(step.Renders))
			}
		}
		f.post(fmt.Sprint(i))
	}
	step := f.since(first)
	if !step.Reset || step.Complete || len(step.Renders) != 3 {
		t.Fatalf("eleven posts: %+v, want a reset of three", step.Update)
	}
}

func TestPinnedPostsAreInEveryReset(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{PageSize: 2})
	old := f.post("old")
	f.edit(old.ID, func(p *motacilla.Post) { p.Pinned = true })
	for i := range 5 {
		f.post(fmt.Sprint(i))
	}
	step := f.since(0)
	if len(step.Renders) != 3 || step.Renders[0].ID != old.ID || step.Complete {
		t.Fatalf("got %+v", step.Update)
	}
}

func TestHiddenTextNeverLeaves(t *testing.T) {
	f := setUp(t, nil)
	head := f.since(0).Revision
	p := f.post("secret")
	f.edit(p.ID, func(p *motacilla.Post) { p.Show = false })
	step := f.since(head)
	if len(step.Renders) != 1 || step.Renders[0].Show || step.Renders[0].Content != motacilla.Stub(p.ID) {
		t.Fatalf("got %+v", step.Update)
	}
	w, err := publisher.WagtailOf(f.feed).Window(t.Context(), match)
	if err != nil || len(w.Posts) != 1 || w.Posts[0].Content != motacilla.Stub(p.ID) {
		t.Fatalf("window %+v, %v", w, err)
	}
	if step := f.since(0); len(step.Renders) != 0 {
		t.Fatalf("a reset has a hidden post: %+v", step.Update)
	}
}

func TestAPostThatFailsToRenderIsAStub(t *testing.T) {
	f := setUpWith(t, func(p motacilla.Post) (string, error) {
		switch p.Content[0].Text.String() {
		case "bad":
			return "", errors.New("no template")
		case "worse":
			panic("template")
		}
		return plain(p)
	}, nil)
	f.post("bad")
	f.post("worse")
	f.post("good")
	renders := f.since(0).Renders
	for _, r := range renders[:2] {
		if r.Content != motacilla.Stub(r.ID) || !r.Show {
			t.Errorf("got %+v, want a stub", r)
		}
	}
	if !strings.Contains(renders[2].Content, "good") {
		t.Errorf("got %+v", renders[2])
	}
}

func TestUnknownChannelsCostNothing(t *testing.T) {
	f := setUp(t, nil)
	for i := range 1000 {
		if _, err := f.feed.Since(t.Context(), motacilla.ChannelID(fmt.Sprint("x", i)), 0); !errors.Is(err, motacilla.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if n := f.feed.Metrics().Counters().Channels; n > 1 {
		t.Errorf("%d channels in memory, want the one there is", n)
	}
}

func TestSubscriptionHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		sub, err := publishertest.Subscribe(t.Context(), f.feed, match, f.since(0).Revision)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []time.Duration{0, 15 * time.Second, 15 * time.Second} {
			began := time.Now()
			step, err := sub.Next(t.Context())
			if err != nil || !step.Heartbeat() || time.Since(began) != want {
				t.Fatalf("step %d: %+v, %v after %v, want a heartbeat after %v", i, step, err, time.Since(began), want)
			}
		}
	})
}

func TestChannelsLingerAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		f.since(0)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		reads := f.source.reads.Load()
		f.since(0)
		if f.source.reads.Load() != reads {
			t.Error("a channel polled a minute ago was read anew")
		}
		time.Sleep(62 * time.Second)
		synctest.Wait()
		if n := f.feed.Metrics().Counters().Channels; n != 0 {
			t.Errorf("%d channels without readers in memory", n)
		}
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, nil)
		head := f.since(0).Revision
		var waiting sync.WaitGroup
		for range 50 {
			waiting.Go(func() {
				if _, err := f.feed.Next(context.Background(), match, head); !errors.Is(err, motacilla.ErrClosed) {
					t.Errorf("got %v, want ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		_ = f.feed.Close()
		waiting.Wait()
		if _, err := f.feed.Since(context.Background(), match, 0); !errors.Is(err, motacilla.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestManyReadersAndWritersConverge(t *testing.T) {
	f := setUp(t, &publisher.FeedOptions{PageSize: 10, CatchUp: 20})
	f.since(0)
	var writers, readers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 3))
			var posts []motacilla.PostID
			for range 150 {
				f.change(rng, &posts)
			}
		})
	}
	stop := make(chan struct{})
	for range 20 {
		readers.Go(func() {
			var v motacilla.View
			asked := true
			for {
				step, err := f.feed.Since(t.Context(), match, v.Revision)
				if err != nil {
					t.Error(err)
					return
				}
				v.Apply(step.Update, asked)
				select {
				case <-stop:
					if step.Heartbeat() && v.Revision == f.head() {
						f.same(&v)
						return
					}
				default:
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}
