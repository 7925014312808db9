package presence

import (
	"hash/fnv"
	"hash/maphash"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
)

// A node that has readers has a record under nodePrefix, with its counts. If they are long, they are in shards instead: records under
// shardPrefix, each with the channels whose hash is that shard's.
const (
	namespace   = "presence"
	nodePrefix  = "node/"
	shardPrefix = "shard/"
)

// shardSize is about how long a record is, in bytes, and mostShards is how many a node has at most. Most nodes need none.
const (
	shardSize  = 32 << 10
	mostShards = 1 << 12
)

// node is the record of a node.
type node struct {
	ID       string                      `json:"-"`
	Name     string                      `json:"name"`
	Total    int                         `json:"total"`
	Shards   int                         `json:"shards,omitzero"` // a power of two, or 0
	Channels map[motacilla.ChannelID]int `json:"channels,omitempty"`
}

// shard is the record of a shard.
type shard struct {
	Channels map[motacilla.ChannelID]int `json:"channels"`
}

func (n *node) shardKey(i int) string {
	return shardPrefix + n.ID + "/" + strconv.Itoa(n.Shards) + "/" + strconv.Itoa(i)
}

func shardOf(ch motacilla.ChannelID, shards int) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(ch))
	return int(h.Sum64() & uint64(shards-1))
}

// shardsFor returns how many shards a tally needs; 0: it fits into the node's record.
func shardsFor(t *tally) int {
	size := 0
	for ch := range t.channels {
		size += len(ch) + 10
	}
	if size <= shardSize {
		return 0
	}
	n := 2
	for n < mostShards && size/n > shardSize {
		n *= 2
	}
	return n
}

// divide returns the counts of a tally in shards.
func divide(t *tally, shards int) []shard {
	list := make([]shard, max(shards, 1))
	for ch, a := range t.channels {
		i := 0
		if shards > 0 {
			i = shardOf(ch, shards)
		}
		if list[i].Channels == nil {
			list[i].Channels = map[motacilla.ChannelID]int{}
		}
		list[i].Channels[ch] = a.readers
	}
	return list
}

var seed = maphash.MakeSeed()

// digest is the same for the same counts, in whatever order.
func (s shard) digest() (p uint64) {
	for ch, n := range s.Channels {
		p += maphash.Comparable(seed, struct {
			ch motacilla.ChannelID
			n  int
		}{ch, n})
	}
	return p
}

// encode returns v as JSON. Shards are many: they are written here, since the characters of an ID need no escapes.
func encode(v any) ([]byte, error) {
	s, ok := v.(shard)
	if !ok {
		return json.Marshal(v)
	}
	b := append(make([]byte, 0, shardSize), `{"channels":{`...)
	for ch, n := range s.Channels {
		b = append(append(append(b, '"'), ch...), `":`...)
		b = append(strconv.AppendInt(b, int64(n), 10), ',')
	}
	if len(s.Channels) > 0 {
		b = b[:len(b)-1]
	}
	return append(b, "}}"...), nil
}

func decode(data []byte, v any) error { return json.Unmarshal(data, v) }
