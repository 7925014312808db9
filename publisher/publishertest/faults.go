package publishertest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

func testManyReaders(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	var readers []*reader
	for range 50 {
		readers = append(readers, s.read(name, Channel, motacilla.View{}))
	}
	for range 20 {
		s.Post(Channel, "Goal")
	}
	head := s.Head(Channel)
	for _, r := range readers {
		r.at(t, head)
		s.check(t, r)
	}
}

// small bounds what the kernel keeps for a reader that does not read, in bytes, so that the reader stalls soon.
const small = 32 << 10

// dense returns a text of n bytes that no transport can make much shorter.
func dense(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."
	random := rand.New(rand.NewPCG(1, uint64(n)))
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

// testStalled has one reader take nothing until the publisher closes its connection. Another reader must notice nothing.
// The stalled reader must be right again when it reads on.
func testStalled(t *testing.T, run func(settings) *site) {
	s := run(settings{feed: publisher.FeedOptions{Stall: time.Second}})
	own := s.door(false, small)
	stalled, healthy := s.readBy(own, name, Channel, motacilla.View{}), s.read(name, Channel, motacilla.View{})
	stalled.at(t, s.Head(Channel))
	healthy.at(t, s.Head(Channel))
	stalled.stall()
	long := dense(60_000)
	for range 14 { // 840 kB, which no socket holds that is not read from
		s.Post(Channel, long)
		healthy.at(t, s.Head(Channel))
	}
	s.Eventually("the connection of a reader that takes nothing is closed", func() bool {
		hijacked, busy := own.Count()
		return hijacked+busy == 0
	})
	s.check(t, healthy)
	stalled.resume()
	stalled.at(t, s.Head(Channel))
	s.check(t, stalled)
}

// testMerged has a reader take nothing for less than Stall, while one post is edited many times. When the reader reads on,
// it gets what the kernel has kept, and then the newest state. It must not get every edit.
func testMerged(t *testing.T, run func(settings) *site) {
	const edits = 32 // 1.3 MB, of which sockets hold a quarter
	s := run(settings{})
	p := s.Post(Channel, "Goal")
	own := s.door(false, small)
	slow, healthy := s.readBy(own, name, Channel, motacilla.View{}), s.read(name, Channel, motacilla.View{})
	slow.at(t, s.Head(Channel))
	healthy.at(t, s.Head(Channel))
	slow.stall()
	long := dense(40_000)
	for i := range edits {
		p = s.Edit(Channel, p.ID, func(p *motacilla.Post) {
			p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprintf("%d: %s", i, long))}
		})
		healthy.at(t, p.Revision) // so that there is an update for each edit
	}
	slow.mu.Lock()
	before := slow.updates
	slow.mu.Unlock()
	slow.resume()
	slow.at(t, s.Head(Channel))
	s.check(t, slow)
	slow.close()
	if n := slow.updates - before; n > edits/2 {
		t.Errorf("a slow reader got %d updates for %d edits of one post, want %d at most", n, edits, edits/2)
	}
}

func testDeleted(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	s.Post(Channel, "Goal")
	open := s.read(name, Channel, motacilla.View{})
	open.at(t, s.Head(Channel))
	s.holds(t, open) // a request is held, if the publisher does that, when the channel is deleted
	if _, err := s.Store.DeleteChannel(t.Context(), Channel); err != nil {
		t.Fatal(err)
	}
	open.until(t, "it is told that the channel is gone", func() bool { return open.view.Gone || open.err != nil })
	late := s.read(name, Channel, motacilla.View{})
	late.until(t, "it is told that there is no such channel", func() bool { return late.err != nil })
	s.Create(Channel, motacilla.Public)
	s.Post(Channel, "Another life")
	back := s.read(name, Channel, open.held())
	back.at(t, s.Head(Channel))
	s.check(t, back)
}

// testOutage takes the store away from the feed. Readers must stay, or come back until the store is there, and lose nothing.
// One reader comes back during the outage to a channel that is not in memory. A reader that connects during the
// outage must get an answer, a heartbeat or the end of its connection, not silence.
func testOutage(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	const quiet motacilla.ChannelID = "quiet"
	s.Create(quiet, motacilla.Public)
	c, err := s.Store.Channel(t.Context(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	var known motacilla.View // as a page that was served before the posts
	known.Apply(&motacilla.Update{
		Channel: quiet, Revision: c.Head, Reset: true, Complete: true, State: &motacilla.State{Title: c.Title},
	}, true)
	for range 3 {
		s.Post(quiet, "On the quiet channel")
	}
	s.Post(Channel, "Before")
	r := s.read(name, Channel, motacilla.View{})
	r.at(t, s.Head(Channel))
	s.Source.Fail(true)
	s.Post(Channel, "Meanwhile")
	p := s.Post(Channel, "Meanwhile")
	s.Edit(Channel, p.ID, func(p *motacilla.Post) { p.Author = "editor" })
	late, back := s.read(name, Channel, motacilla.View{}), s.read(name, quiet, known)
	for _, r := range []*reader{late, back} {
		r.until(t, "it gets something in the outage, or is sent away", func() bool { return r.heard > 0 || r.closed > 0 })
	}
	pause(t.Context(), 300*time.Millisecond)
	s.Post(quiet, "On the quiet channel")
	for _, r := range []*reader{r, late, back} {
		r.mu.Lock()
		if r.err != nil {
			t.Errorf("got the error %v in an outage, want none", r.err)
		}
		r.mu.Unlock()
	}
	s.Source.Fail(false)
	for _, r := range []*reader{r, late, back} {
		r.at(t, s.Head(r.channel))
		s.check(t, r)
	}
	if back.close(); back.resets > 0 {
		t.Errorf("a reader that came back in an outage, with a cursor that the store knows, got a reset")
	}
	if r.close(); r.resets > 1 {
		t.Errorf("a reader that was there before the outage got %d resets, want 1", r.resets)
	}
}
