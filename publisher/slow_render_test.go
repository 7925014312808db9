package publisher_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// TestASlowPostDelaysNoOther has a renderer that does not come to an end with an old post. Whoever waits for a new post gets
// it, and whoever needs the old post waits for one rendering of it.
func TestASlowPostDelaysNoOther(t *testing.T) {
	f := setUp(t, nil)
	f.post("slow")
	head := f.head()
	began, release := make(chan struct{}, 1), make(chan struct{})
	var slow atomic.Int64
	feed := publisher.NewFeed(f.source, renderFunc(func(p motacilla.Post) (string, error) {
		if strings.Contains(p.Content[0].Text.String(), "slow") {
			slow.Add(1)
			select {
			case began <- struct{}{}:
			default:
			}
			<-release
		}
		return plain(p)
	}), &publisher.FeedOptions{Timeout: time.Hour})
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			d, err := feed.Since(t.Context(), match, 0)
			if err != nil || len(d.Renders) == 0 || !strings.Contains(d.Renders[0].Content, "slow") {
				t.Errorf("the page with the slow post: %+v, %v", d, err)
			}
		})
	}
	<-began
	p := f.post("quick")
	patient, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if d, err := feed.Next(patient, match, head); err != nil || d.Revision != p.Revision {
		t.Errorf("the new post: %+v, %v", d, err)
	}
	close(release)
	readers.Wait()
	if n := slow.Load(); n != 1 {
		t.Errorf("the slow post was rendered %d times, want once", n)
	}
}
