package publishertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

func testManyReaders(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	var readers []*reader
	for range 50 {
		readers = append(readers, s.read(name, channel, motacilla.View{}))
	}
	for range 20 {
		s.post(t, channel, "Goal")
	}
	head := s.head(t)
	for _, r := range readers {
		r.at(t, head)
		s.check(t, r)
	}
}

// small bounds what the kernel keeps for a reader that does not read, in bytes, so that a stall is one soon.
const small = 32 << 10

// testStalled has one reader take nothing for longer than the feed is patient, while more is written than any socket
// holds. The one beside it must not notice; nothing is kept open for the stalled one, and it must be right again when it
// reads on.
func testStalled(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	own := s.door(t, false, small)
	stalled, healthy := s.readBy(own, name, channel, motacilla.View{}), s.read(name, channel, motacilla.View{})
	stalled.at(t, s.head(t))
	healthy.at(t, s.head(t))
	stalled.stall()
	long := strings.Repeat("A very long report. ", 3000)
	patient := s.feed.Options().Stall
	began := time.Now()
	for i := 0; ; i++ {
		s.post(t, channel, long)
		healthy.at(t, s.head(t))
		streams, busy := own.count()
		if past := time.Since(began); i < 200 || past < patient*3/2 {
			continue
		} else if streams+busy == 0 {
			break
		} else if past > 5*patient {
			t.Fatalf("a reader that takes nothing has %d connections after %v; Stall is %v", streams+busy, past, patient)
		}
		pause(t.Context(), 10*time.Millisecond)
	}
	s.check(t, healthy)
	stalled.resume()
	stalled.at(t, s.head(t))
	s.check(t, stalled)
}

// testMerged has a reader take nothing for less than the feed is patient, while one post is edited many times: when it
// reads on it gets what the kernel had taken, and then the newest state, not every step in between.
func testMerged(t *testing.T, run func(settings) *site) {
	const edits = 400
	s := run(settings{})
	p := s.post(t, channel, "Goal")
	own := s.door(t, false, small)
	slow, healthy := s.readBy(own, name, channel, motacilla.View{}), s.read(name, channel, motacilla.View{})
	slow.at(t, s.head(t))
	healthy.at(t, s.head(t))
	slow.stall()
	long := strings.Repeat("A very long report. ", 2000)
	for i := range edits {
		p = s.edit(t, p, func(p *motacilla.Post) {
			p.Content = []motacilla.Block{motacilla.Text(fmt.Sprintf("%d: %s", i, long))}
		})
		pause(t.Context(), time.Millisecond)
	}
	slow.mu.Lock()
	before := slow.updates
	slow.mu.Unlock()
	slow.resume()
	slow.at(t, s.head(t))
	s.check(t, slow)
	slow.close()
	if n := slow.updates - before; n > edits/2 {
		t.Errorf("a reader that was slow got %d updates of one post that was edited %d times", n, edits)
	}
}

func testDeleted(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	s.post(t, channel, "Goal")
	open := s.read(name, channel, motacilla.View{})
	open.at(t, s.head(t))
	open.until(t, "it waits", func() bool { return open.opened > 0 })
	time.Sleep(50 * time.Millisecond) // a poll that is held counts as open, one between two polls may find nothing
	if _, err := s.store().DeleteChannel(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	open.until(t, "it is told that the channel is gone", func() bool { return open.view.Gone || open.err != nil })
	late := s.read(name, channel, motacilla.View{})
	late.until(t, "it is told that there is no such channel", func() bool { return late.err != nil })
	s.create(t, channel)
	s.post(t, channel, "Another life")
	back := s.read(name, channel, open.held())
	back.at(t, s.head(t))
	s.check(t, back)
}

// testOutage takes the store away from the feed: readers stay, or come back until it is there, and lose nothing.
// One comes back meanwhile to a channel of which nothing is in memory.
func testOutage(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	const quiet motacilla.ChannelID = "quiet"
	s.create(t, quiet)
	c, err := s.store().Channel(t.Context(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	var known motacilla.View // as a page that was served before the posts
	known.Apply(&motacilla.Update{
		Channel: quiet, Revision: c.Head, Reset: true, Complete: true, State: &motacilla.State{Title: c.Title},
	}, true)
	for range 3 {
		s.post(t, quiet, "On the quiet channel")
	}
	s.post(t, channel, "Before")
	r := s.read(name, channel, motacilla.View{})
	r.at(t, s.head(t))
	s.source.fail(true)
	s.post(t, channel, "Meanwhile")
	p := s.post(t, channel, "Meanwhile")
	s.edit(t, p, func(p *motacilla.Post) { p.Author = "editor" })
	late, back := s.read(name, channel, motacilla.View{}), s.read(name, quiet, known)
	pause(t.Context(), 300*time.Millisecond)
	s.post(t, quiet, "On the quiet channel")
	for _, r := range []*reader{r, late, back} {
		r.mu.Lock()
		if r.err != nil {
			t.Errorf("in an outage the reader was told %v", r.err)
		}
		r.mu.Unlock()
	}
	s.source.fail(false)
	for _, r := range []*reader{r, late, back} {
		r.at(t, s.headOf(t, r.channel))
		s.check(t, r)
	}
	if back.close(); back.resets > 0 {
		t.Errorf("a reader that came back in an outage, with a cursor that the store knows, got a reset")
	}
	if r.close(); r.resets > 1 {
		t.Errorf("a reader that was there before the outage got %d resets, want 1", r.resets)
	}
}
