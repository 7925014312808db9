package client_test

import (
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"pgregory.net/rapid"
)

// A follower of several channels, to which channels are added and from which they are removed at random while they change and
// connections break, has of each channel what the store has. Nothing is missing, and nothing comes twice.
func TestManyModel(t *testing.T) {
	for _, name := range []string{"sse", "websocket", "one for each", "polling"} {
		t.Run(name, func(t *testing.T) {
			f := plant(t, false, &publishertest.SiteOptions{Feed: busy})
			f.without = name == "one for each"
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n++
				m := &manyModel{field: f, t: rt, posts: map[motacilla.ChannelID][]motacilla.PostID{}, follows: map[motacilla.ChannelID]bool{}}
				m.channels = f.channels(fmt.Sprintf("run-%d", n), 5)
				m.crowd = f.watch(t, f.client(t), func(o *client.FollowOptions) {
					switch name {
					case "polling":
						o.Transports = []string{"long-polling", "interval-polling"}
					case "sse", "websocket":
						o.Transports = []string{name}
					}
				})
				defer m.crowd.stop()
				for range rapid.IntRange(1, 25).Draw(rt, "steps") {
					m.step()
				}
				m.settle()
			})
		})
	}
}

type manyModel struct {
	*field
	t        *rapid.T
	crowd    *crowd
	channels []motacilla.ChannelID
	posts    map[motacilla.ChannelID][]motacilla.PostID
	follows  map[motacilla.ChannelID]bool
}

func (m *manyModel) step() {
	ch := rapid.SampledFrom(m.channels).Draw(m.t, "channel")
	switch rapid.SampledFrom([]string{"write", "write", "write", "add", "add", "remove", "cut", "settle"}).Draw(m.t, "action") {
	case "write":
		m.posts[ch] = m.Stir(ch, m.posts[ch], rapid.IntRange(0, 99).Draw(m.t, "how"))
	case "add":
		m.crowd.add(m.TB, ch)
		m.follows[ch] = true
	case "remove":
		m.crowd.Remove(ch)
		m.follows[ch] = false
	case "cut":
		m.cut(1)
	case "settle":
		m.settle()
	}
}

func (m *manyModel) settle() {
	for _, ch := range m.channels {
		if m.follows[ch] {
			m.crowd.settle(m.TB, m.field, ch)
		}
	}
}
