package publishertest

import (
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// testBarrier puts a barrier into the store, as after a loss of writes. Every reader must get a reset: those that are there, and
// those that come back with a cursor that the node remembers.
func testBarrier(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	for range 3 {
		s.Post(Channel, "Before")
	}
	stays, leaves := s.read(name, Channel, motacilla.View{}), s.read(name, Channel, motacilla.View{})
	stays.at(t, s.Head(Channel))
	leaves.at(t, s.Head(Channel))
	leaves.close()
	s.Post(Channel, "While one is away")
	stays.at(t, s.Head(Channel))
	at := motacilla.Revision(time.Now().Add(10 * time.Minute).UnixMicro())
	bar, err := s.mover().Barrier(t.Context(), Channel, at)
	if err != nil || bar < at {
		t.Fatal(bar, err)
	}
	back := s.read(name, Channel, leaves.held())
	for _, r := range []*reader{stays, back} {
		r.at(t, bar)
		s.check(t, r)
	}
	s.Post(Channel, "After")
	for _, r := range []*reader{stays, back} {
		r.at(t, s.Head(Channel))
		s.check(t, r)
		r.close()
	}
	if stays.resets != 2 || back.resets != 1 {
		t.Errorf("a reader that stayed got %d resets, want 2; one that came back %d, want 1", stays.resets, back.resets)
	}
}

// testLostWrites puts the store back to an earlier state, as from a backup. All readers must follow: they must no longer see
// what was lost, and must see what is written later.
func testLostWrites(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	for range 3 {
		s.Post(Channel, "Kept")
	}
	var backup motacilla.ChannelRecord
	list, err := s.mover().ChannelRecords(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.ID == Channel {
			backup = c
		}
	}
	records, err := s.mover().ChangeRecords(t.Context(), Channel, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	r := s.read(name, Channel, motacilla.View{})
	for range 3 {
		s.Post(Channel, "Lost")
	}
	r.at(t, s.Head(Channel))
	s.check(t, r)

	backup.Born-- // another life, because a head never goes back within one
	if err := s.mover().Import(t.Context(), backup, records); err != nil {
		t.Fatal(err)
	}
	level := func(r *reader) {
		t.Helper()
		r.until(t, "it is at the head of the backup", func() bool { return r.view.Revision == backup.Head })
		s.check(t, r)
	}
	late := s.read(name, Channel, r.held())
	level(r)
	level(late)
	level(s.read(name, Channel, motacilla.View{}))
	s.Post(Channel, "New")
	for _, r := range []*reader{r, late} {
		r.at(t, s.Head(Channel))
		s.check(t, r)
	}
	bar, err := s.mover().Barrier(t.Context(), Channel, motacilla.Revision(time.Now().Add(time.Minute).UnixMicro()))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*reader{r, late} {
		r.at(t, bar)
		s.check(t, r)
	}
}
