package storagetest

import (
	"maps"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"pgregory.net/rapid"
)

func (tr *trial) barrier(m *model, ch motacilla.ChannelID) {
	at := motacilla.Revision(tr.hand.Now().Add(rapid.SampledFrom([]time.Duration{
		-time.Hour, 0, time.Second, time.Minute,
	}).Draw(tr.rt, "margin")).UnixMicro())
	rev, err := tr.Barrier(tr.ctx, ch, at)
	if !m.ever {
		want(tr.rt, "a barrier on a channel that never was", err, motacilla.ErrNotFound)
		return
	}
	equal(tr.rt, "revision of a barrier", must[motacilla.Revision](tr.rt)(rev, err), max(m.next(tr.hand.Now()), at))
	m.life = nil
	m.happened(event{revision: rev})
}

// importInto moves a channel into the place of another, by parts, so that it is there twice.
func (tr *trial) importInto(m *model, ch motacilla.ChannelID) {
	place := rapid.SampledFrom(tr.names).Draw(tr.rt, "place")
	target := tr.models[place]
	if !m.ever || target.ever && target.born == m.born && place != ch {
		tr.compareGets(m, ch) // two that grew from one are none's to join
		return
	}
	batch := rapid.SampledFrom([]int{1, 3, 1 << 20}).Draw(tr.rt, "batch")
	if place == ch {
		batch = 1 << 20
	}
	c := tr.record(ch)
	records := must[[]motacilla.ChangeRecord](tr.rt)(tr.ChangeRecords(tr.ctx, ch, 0, 1<<20))
	c.ID = place
	for first := true; first || len(records) > 0; first = false {
		n := min(batch, len(records))
		part := c
		if n < len(records) {
			part.Head = records[n-1].Revision
			part.Changed, part.Floor = min(c.Changed, part.Head), min(c.Floor, part.Head)
		}
		if err := tr.Import(tr.ctx, part, records[:n]); err != nil {
			tr.rt.Fatalf("import channel %q as %q: %v", ch, place, err)
		}
		records = records[n:]
	}
	*target = *m.clone()
	target.state.ID = place
}

func (m *model) clone() *model {
	c := *m
	c.life, c.gone, c.events = slices.Clone(m.life), slices.Clone(m.gone), slices.Clone(m.events)
	c.posts, c.source = maps.Clone(m.posts), maps.Clone(m.source)
	return &c
}
