package presence

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// listLimit is how many records are read at a time.
const listLimit = 100

// nodes returns the nodes that have readers, with this one as it is now, by name.
func (p *Presence) nodes(ctx context.Context) ([]node, error) {
	var list []node
	err := each(ctx, p.records, namespace, nodePrefix, func(r motacilla.Record) {
		n := node{ID: r.Key[len(nodePrefix):]}
		if decode(r.Value, &n) == nil && n.ID != p.id { // a record that can't be read is a newer version's
			list = append(list, n)
		}
	})
	if err != nil {
		return nil, err
	}
	if own := p.now.Load(); own.total > 0 || len(own.channels) > 0 {
		list = append(list, node{ID: p.id, Name: p.o.Node, Total: own.total})
	}
	slices.SortFunc(list, func(a, b node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// readers returns how many readers a node has on a channel.
func (p *Presence) readers(ctx context.Context, n *node, ch motacilla.ChannelID) (int, error) {
	switch {
	case n.ID == p.id:
		return p.now.Load().channels[ch].readers, nil
	case n.Shards == 0:
		return n.Channels[ch], nil
	}
	s, err := p.shard(ctx, n, shardOf(ch, n.Shards))
	return s.Channels[ch], err
}

// shard returns a shard of another node; an empty one if there is none.
func (p *Presence) shard(ctx context.Context, n *node, i int) (s shard, err error) {
	r, err := p.records.Get(ctx, namespace, n.shardKey(i))
	if errors.Is(err, motacilla.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if wrong := decode(r.Value, &s); wrong != nil { // it is a newer version's
		s = shard{}
	}
	return s, nil
}

// each calls do with all records whose keys begin with prefix.
func each(ctx context.Context, records motacilla.Records, namespace, prefix string, do func(motacilla.Record)) error {
	for after := ""; ; {
		list, err := records.List(ctx, namespace, prefix, after, listLimit)
		if err != nil {
			return err
		}
		for _, r := range list {
			do(r)
			after = r.Key
		}
		if len(list) < listLimit {
			return nil
		}
	}
}
