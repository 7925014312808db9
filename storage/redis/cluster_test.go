package redis

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
	goredis "github.com/redis/go-redis/v9"
)

func TestCluster(t *testing.T) {
	nodes := realserver.NewRedisCluster(t)
	single := nodes[1].URL() // any node is enough: that it belongs to a cluster it says itself
	listed := nodes[0].URL() + "?addr=" + nodes[1].Addr() + "&addr=" + nodes[2].Addr()

	t.Run("Shared", func(t *testing.T) {
		storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (storage.Store, storage.Store) {
			prefix := fresh()
			return opened(t, single, &Options{Clock: clock, Prefix: prefix}), opened(t, listed, &Options{Clock: clock, Prefix: prefix})
		}, nil)
	})
	t.Run("Channels", func(t *testing.T) { testClusterChannels(t, opened(t, listed, nil), nodes) })
	t.Run("Records", func(t *testing.T) { testClusterRecords(t, opened(t, listed, &Options{Prefix: "[rec*ords]:"}), nodes) })
	t.Run("Mover", func(t *testing.T) {
		a, b := opened(t, listed, &Options{Prefix: "from:"}), opened(t, single, &Options{Prefix: "to:"})
		testMove(t, a, b)
	})
	t.Run("Index", func(t *testing.T) { testClusterIndex(t, listed) })
	t.Run("NodeGone", func(t *testing.T) { testClusterNodeGone(t, listed, nodes) }) // the last
}

// Channels are on all nodes, each with all its keys in one slot.
func testClusterChannels(t *testing.T, s *Store, nodes []*realserver.Redis) {
	w := watched(t, s)
	ids := []motacilla.ChannelID{"a", "b:c", "d.e", "f~g", "h@i", "j+k", "l_m", "-", "~", "..a", motacilla.ChannelID(strings.Repeat("x", 255))}
	for i := range 30 {
		ids = append(ids, motacilla.ChannelID(fmt.Sprint("n", i)))
	}
	for _, id := range ids {
		channel(t, s, id)
		p := post("pinned")
		p.Pinned, p.MessageID = true, "m"
		if _, err := s.PutPost(t.Context(), id, p, 0); err != nil {
			t.Fatal(err)
		}
		gone := text(t, s, id, "gone")
		w.reaches(t, id, must(s.DeletePost(t.Context(), id, gone.ID, 0)))
	}
	list := must(s.Channels(t.Context(), "", 1000))
	heads := must(s.Heads(t.Context(), ids))
	if len(list) != len(ids) || len(heads) != len(ids) {
		t.Errorf("%d channels and %d heads, want %d", len(list), len(heads), len(ids))
	}
	if !slices.IsSortedFunc(list, func(a, b motacilla.Channel) int { return strings.Compare(string(a.ID), string(b.ID)) }) {
		t.Error("the channels are not in order")
	}
	slots := make(map[string]map[string]bool) // by channel
	keys := 0
	for _, node := range nodes {
		c := goredis.NewClient(&goredis.Options{Addr: node.Addr()})
		found := must(c.Keys(t.Context(), string(s.keys)+"{*").Result())
		if len(found) == 0 {
			t.Errorf("node %s has no channel", node.Addr())
		}
		for _, key := range found {
			id := key[len(string(s.keys))+1 : strings.LastIndex(key, "}")]
			if slots[id] == nil {
				slots[id] = make(map[string]bool)
			}
			slots[id][node.Do(t, "CLUSTER", "KEYSLOT", key)] = true
			keys++
		}
		_ = c.Close()
	}
	if want := len(ids) * len(s.keys.channel("c")); keys != want || len(slots) != len(ids) {
		t.Errorf("%d keys of %d channels, want %d of %d", keys, len(slots), want, len(ids))
	}
	for id, in := range slots {
		if len(in) != 1 {
			t.Errorf("channel %s is in the slots %v", id, in)
		}
	}
}

// What a failover has lost of the index is there again when a node of ours starts.
func testClusterIndex(t *testing.T, url string) {
	s := opened(t, url, &Options{Prefix: "in*dex:"})
	other := opened(t, url, &Options{Prefix: "inXdex:"})
	channel(t, other, "not-this-one")
	var want []motacilla.ChannelID
	for i := range 20 {
		id := motacilla.ChannelID(fmt.Sprintf("c%02d", i))
		channel(t, s, id)
		want = append(want, id)
	}
	if err := s.server.link.Load().reads.ZRemRangeByLex(t.Context(), s.keys.index(), "[c05", "[c10").Err(); err != nil {
		t.Fatal(err)
	}
	if list := must(s.Channels(t.Context(), "", 0)); len(list) != 14 {
		t.Fatalf("%d channels are left", len(list))
	}
	again := opened(t, url, &Options{Prefix: "in*dex:"})
	var listed []motacilla.ChannelID
	for _, c := range must(again.Channels(t.Context(), "", 0)) {
		listed = append(listed, c.ID)
	}
	if !slices.Equal(listed, want) {
		t.Errorf("channels are %v", listed)
	}
}

// A cluster that has lost a node answers nothing (cluster-require-full-coverage), until it is back.
func testClusterNodeGone(t *testing.T, url string, nodes []*realserver.Redis) {
	s := opened(t, url, &Options{Prefix: "gone:"})
	w := watched(t, s)
	ids := make([]motacilla.ChannelID, 12)
	for i := range ids {
		ids[i] = motacilla.ChannelID(fmt.Sprint("c", i))
		channel(t, s, ids[i])
	}
	nodes[2].Kill()
	failed := 0
	for _, id := range ids {
		_, err := s.PutPost(t.Context(), id, post("x"), 0)
		switch {
		case errors.Is(err, motacilla.ErrUnavailable):
			failed++
		case err != nil:
			t.Errorf("a write while a node is gone: %v", err)
		}
	}
	if failed == 0 {
		t.Error("every write succeeds while a node is gone")
	}
	nodes[2].Restart(t)
	for _, id := range ids {
		until(t, "channel "+string(id)+" is there again", func() bool {
			p, err := s.PutPost(t.Context(), id, post("afterwards"), 0)
			if errors.Is(err, motacilla.ErrNotFound) { // this node keeps nothing on disk
				_, err = s.PutChannel(t.Context(), motacilla.Channel{ID: id}, 0)
				if err == nil {
					p, err = s.PutPost(t.Context(), id, post("afterwards"), 0)
				}
			}
			if err == nil {
				w.reaches(t, id, p.Revision)
			}
			return err == nil
		})
	}
}
