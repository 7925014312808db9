package publisher_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

func TestTheWindowMovesWithoutReads(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 2))
		f := setUp(t, &publisher.FeedOptions{Window: 12})
		var posts []motacilla.PostID
		for range 150 {
			f.change(rng, &posts)
			if rng.IntN(4) == 0 { // backdated
				p, err := f.store.PutPost(t.Context(), match, motacilla.Post{
					Show: true, Content: []motacilla.Block{motacilla.PlainText("late")},
					Created: time.Now().Add(-time.Duration(rng.IntN(2000)) * time.Microsecond),
				}, 0)
				if err != nil {
					t.Fatal(err)
				}
				posts = append(posts, p.ID)
			}
			w, err := publisher.WagtailOf(f.feed).Window(t.Context(), match)
			if err != nil {
				t.Fatal(err)
			}
			page, err := f.store.Posts(t.Context(), match, motacilla.Query{Limit: 12})
			if err != nil {
				t.Fatal(err)
			}
			got, want := []string{}, []string{}
			for _, r := range w.Posts {
				got = append(got, fmt.Sprint(r.ID, r.Revision, r.Show))
			}
			for _, p := range page.Posts {
				want = append(want, fmt.Sprint(p.ID, p.Revision, p.Show))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || w.Head != page.Head {
				t.Fatalf("window at %d\n%v\nstore at %d\n%v", w.Head, got, page.Head, want)
			}
		}
	}
	f := setUp(t, nil)
	if _, err := publisher.WagtailOf(f.feed).Window(t.Context(), match); err != nil {
		t.Fatal(err)
	}
	reads := f.source.reads.Load()
	for i := range 10 {
		f.post(fmt.Sprint(i))
		if w, err := publisher.WagtailOf(f.feed).Window(t.Context(), match); err != nil || len(w.Posts) != i+1 {
			t.Fatalf("%d posts, %v", len(w.Posts), err)
		}
	}
	if n := f.source.reads.Load() - reads; n != 10 {
		t.Errorf("%d reads for ten posts, want one each", n)
	}
}

// TestReadersShareAWindow has a crowd ask for the window that follows a post. All must get the same one, whoever makes it.
func TestReadersShareAWindow(t *testing.T) {
	f := setUp(t, nil)
	for i := range 300 {
		f.post(fmt.Sprint(i)) // so that making a window takes some time
	}
	wagtail := publisher.WagtailOf(f.feed)
	for range 100 {
		if _, err := wagtail.Window(t.Context(), match); err != nil {
			t.Fatal(err)
		}
		p := f.post("Goal")
		f.since(p.Revision)
		windows := make([]*publisher.Window, 16)
		var crowd sync.WaitGroup
		for i := range windows {
			crowd.Go(func() {
				var err error
				if windows[i], err = wagtail.Window(t.Context(), match); err != nil {
					t.Error(err)
				}
			})
		}
		crowd.Wait()
		for _, w := range windows {
			if w != windows[0] {
				t.Fatal("readers got different windows")
			}
		}
	}
}
