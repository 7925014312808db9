package presence

import (
	"context"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
)

// The most readers that channels had at a time are records too. One node writes that of a channel: the one with the most of its
// readers. If two do, because their counts are of different times, nothing is lost: the number only grows.
const (
	peakNamespace = "presence-most"
	allKey        = "all"
	channelPrefix = "channel/"
)

const (
	peakTTL     = 400 * 24 * time.Hour // a channel is forgotten so long after its last readers
	peakRenewed = 30 * 24 * time.Hour  // a record is written again if it is so old and the channel has readers
	peakCalls   = 500                  // of the store in one look; more are left for the next ones
)

// peakJSON is the record of a peak.
type peakJSON struct {
	Most    int   `json:"most"`
	At      int64 `json:"at"`      // microseconds since the Unix epoch
	Created int64 `json:"created"` // the channel's, as At: one that is made again begins anew
}

// peak is what a node knows of a channel's peak.
type peak struct {
	loaded  bool
	stored  peakJSON
	version int64
	seen    peakJSON // the most that this node has seen
}

// peaks follow the sums of the channels of which this node has the most readers.
type peaks struct {
	p     *Presence
	all   peak
	by    map[motacilla.ChannelID]*peak
	calls int
}

// look compares the sums of all nodes with what was the most.
func (ps *peaks) look(ctx context.Context) error {
	own := ps.p.now.Load()
	if own.total == 0 && len(own.channels) == 0 && len(ps.by) == 0 {
		return nil
	}
	others, err := ps.p.nodes(ctx)
	if err != nil {
		return err
	}
	sums, err := ps.lead(ctx, own, others)
	if err != nil {
		return err
	}
	now := time.Now()
	ps.calls = 0
	total, most, first := 0, own.total > 0, ps.p.id
	for _, n := range others {
		total += n.Total
		most = most && (n.Total < own.total || n.Total == own.total && n.ID >= first)
	}
	if most {
		ps.all.see(peakJSON{Most: total, At: now.UnixMicro()})
		if err := ps.store(ctx, allKey, &ps.all); err != nil {
			return err
		}
	}
	for ch, n := range sums {
		one := ps.by[ch]
		if one == nil {
			one = &peak{}
			ps.by[ch] = one
		}
		one.see(peakJSON{n, now.UnixMicro(), own.channels[ch].created.UnixMicro()})
	}
	for ch, one := range ps.by {
		if ps.calls >= peakCalls {
			break
		}
		if err := ps.store(ctx, channelPrefix+string(ch), one); err != nil {
			return err
		}
		if _, led := sums[ch]; !led {
			delete(ps.by, ch)
		}
	}
	return nil
}

// lead returns the sums of the channels of which this node has the most readers.
func (ps *peaks) lead(ctx context.Context, own *tally, nodes []node) (map[motacilla.ChannelID]int, error) {
	sums := make(map[motacilla.ChannelID]int, len(own.channels))
	for ch, a := range own.channels {
		sums[ch] = a.readers
	}
	behind := map[motacilla.ChannelID]bool{}
	add := func(n *node, channels map[motacilla.ChannelID]int) {
		for ch, readers := range channels {
			mine := own.channels[ch].readers
			if mine == 0 {
				continue
			}
			sums[ch] += readers
			if readers > mine || readers == mine && n.ID < ps.p.id {
				behind[ch] = true
			}
		}
	}
	for i := range nodes {
		n := &nodes[i]
		if n.ID == ps.p.id {
			continue
		}
		add(n, n.Channels)
		for j := range n.Shards {
			s, err := ps.p.shard(ctx, n, j)
			if err != nil {
				return nil, err
			}
			add(n, s.Channels)
		}
	}
	for ch := range behind {
		delete(sums, ch)
	}
	return sums, nil
}

// see notes a sum.
func (k *peak) see(now peakJSON) {
	if now.Most > k.seen.Most || now.Created != k.seen.Created {
		k.seen = now
	}
}

// news reports whether what was seen has to be stored: it is more by a reader and by a hundredth, or of a new channel.
func (k *peak) news(now time.Time) bool {
	was := k.stored.Most
	return k.seen.Most > 0 && (k.seen.Created != k.stored.Created || k.seen.Most >= was+max(1, was/100) ||
		now.Sub(time.UnixMicro(k.version)) > peakRenewed)
}

// store brings the record of a peak up to date.
func (ps *peaks) store(ctx context.Context, key string, k *peak) error {
	for {
		if !k.loaded {
			ps.calls++
			stored, version, err := ps.p.peak(ctx, key)
			if err != nil {
				return err
			}
			k.stored, k.version, k.loaded = stored, version, true
		}
		if k.version > 0 && k.stored.Created > k.seen.Created { // this node has not heard yet that the channel was made again
			return nil
		}
		if !k.news(time.Now()) {
			return nil
		}
		next := k.seen
		if next.Created == k.stored.Created && next.Most < k.stored.Most { // it is only renewed
			next = k.stored
		}
		data, err := encode(next)
		if err != nil {
			return err
		}
		ps.calls++
		r, err := ps.p.records.Put(ctx, motacilla.Record{
			Namespace: peakNamespace, Key: key, Value: data, Version: k.version, TTL: peakTTL,
		})
		k.loaded = false
		if errors.Is(err, motacilla.ErrConflict) {
			if ps.calls >= peakCalls {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		k.stored, k.version, k.loaded = next, r.Version, true
	}
}

// peak returns a record; the zero value if there is none.
func (p *Presence) peak(ctx context.Context, key string) (stored peakJSON, version int64, err error) {
	r, err := p.records.Get(ctx, peakNamespace, key)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return peakJSON{}, 0, nil
	case err != nil:
		return peakJSON{}, 0, err
	}
	if decode(r.Value, &stored) != nil { // it is replaced
		stored = peakJSON{}
	}
	return stored, r.Version, nil
}
