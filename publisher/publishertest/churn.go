package publishertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// testJoins writes while readers join. What is written then must arrive. Neither heartbeats nor the repair check help here,
// so that a reader that misses something never gets it. Half of the channels have another reader all the time, so that some
// readers are the first of their channel, and others are not.
func testJoins(t *testing.T, run func(settings) *site) {
	const workers, joins = 4, 60
	s := run(settings{feed: publisher.FeedOptions{Heartbeat: time.Hour, Repair: time.Hour}})
	var all sync.WaitGroup
	for w := range workers {
		ch := motacilla.ChannelID(fmt.Sprintf("joins-%d", w))
		s.Create(ch, motacilla.Public)
		if w%2 == 0 {
			s.read(name, ch, motacilla.View{}).at(t, s.Head(ch))
		}
		all.Go(func() {
			var took time.Duration
			for i := range joins {
				began := time.Now()
				if err := s.join(t.Context(), ch, 600*time.Microsecond+took); err != nil {
					t.Errorf("join %d on %s: %v", i, ch, err)
					return
				}
				took = time.Since(began)
			}
		})
	}
	all.Wait()
}

// join lets a reader join, and has a post written within the time that this may take. It returns when the reader has the post.
func (s *site) join(ctx context.Context, ch motacilla.ChannelID, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := s.Store.Channel(ctx, ch)
	if err != nil {
		return err
	}
	content := []motacilla.Block{motacilla.PlainText("Goal")}
	wrote := make(chan error, 1)
	delay := rand.N(within)
	go func() {
		began := time.Now()
		time.Sleep(delay - 2*time.Millisecond)
		for time.Since(began) < delay { // sleeping is too coarse
			continue
		}
		_, err := s.Store.PutPost(ctx, ch, motacilla.Post{Show: true, Content: content}, 0)
		wrote <- err
	}()
	defer func() { <-wrote }()
	url, follow := s.url(s.main, name, ch), s.parts[name].follow
	var view motacilla.View // as a page that was served before the post
	view.Apply(&motacilla.Update{Channel: ch, Revision: c.Head, Reset: true, Complete: true, State: &motacilla.State{}}, true)
	for ctx.Err() == nil {
		asked := true
		for u, err := range follow(ctx, url, view.Revision) {
			if err != nil || view.Apply(u, asked) {
				break
			}
			asked = false
			if view.Revision == c.Head {
				continue
			}
			if len(view.Renders()) == 0 {
				return fmt.Errorf("went from %d to %d without what was written between them", c.Head, view.Revision)
			}
			return nil
		}
		pause(ctx, time.Millisecond)
	}
	return fmt.Errorf("what was written at the time has not come after %v", patience)
}

// testManyChannels has readers on many channels. They come and go while all channels change.
func testManyChannels(t *testing.T, run func(settings) *site) {
	const channels, each = 25, 3
	// Hundreds of readers that ask, or get a heartbeat, many times a second would test the machine.
	s := run(settings{rest: time.Second, feed: publisher.FeedOptions{Heartbeat: 5 * time.Second, Repair: time.Second}})
	ids := make([]motacilla.ChannelID, channels)
	readers := make([][]*reader, channels)
	for i := range ids {
		ids[i] = motacilla.ChannelID(fmt.Sprintf("match-%d", 1000+i))
		s.Create(ids[i], motacilla.Public)
		for range each {
			readers[i] = append(readers[i], s.read(name, ids[i], motacilla.View{}))
		}
	}
	for round := range 3 {
		for i, ch := range ids {
			s.Post(ch, fmt.Sprintf("Goal %d on %s", round, ch))
			if at := rand.IntN(3 * each); at < each {
				gone := readers[i][at]
				gone.close()
				readers[i][at] = s.read(name, ch, gone.held())
			}
			s.Post(ch, fmt.Sprintf("Another goal %d on %s", round, ch))
		}
	}
	for i, ch := range ids {
		head := s.Head(ch)
		for _, r := range readers[i] {
			r.at(t, head)
			s.check(t, r)
		}
	}
}
