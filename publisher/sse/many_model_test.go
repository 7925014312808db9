package sse

import (
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"pgregory.net/rapid"
)

// A reader of several channels that is cut off at random, and comes back with the last position that it has, has of each channel what
// the store has. A position may be older than what the reader has. So something may come twice, but nothing may be missing.
func TestRandomCuts(t *testing.T) {
	for _, c := range connections {
		if c.name == "wrapped socket" || c.name == "TLS" { // as with a goroutine for each connection
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s := open(t, settings{connection: c, feed: publisher.FeedOptions{PageSize: 5, CatchUp: 20}})
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n++
				m := &model{site: s, t: rt, channels: map[motacilla.ChannelID]*channelModel{}}
				for i := range 3 {
					ch := motacilla.ChannelID(fmt.Sprintf("run-%d-%d", n, i))
					s.Create(ch, motacilla.Public)
					m.channels[ch] = &channelModel{}
					m.order = append(m.order, ch)
				}
				m.connect("")
				defer func() { _ = m.stream.body.Close() }()
				for range rapid.IntRange(1, 20).Draw(rt, "steps") {
					m.step()
				}
				m.settle()
			})
		})
	}
}

type model struct {
	site     *site
	t        *rapid.T
	stream   *stream
	order    []motacilla.ChannelID
	channels map[motacilla.ChannelID]*channelModel
}

type channelModel struct {
	posts []motacilla.PostID
	view  motacilla.View
	begun bool // its first update on this connection has come
}

func (m *model) step() {
	ch := m.order[rapid.IntRange(0, len(m.order)-1).Draw(m.t, "channel")]
	c := m.channels[ch]
	switch rapid.SampledFrom([]string{"write", "write", "write", "read", "settle", "cut"}).Draw(m.t, "action") {
	case "write":
		c.posts = m.site.Stir(ch, c.posts, rapid.IntRange(0, 99).Draw(m.t, "how"))
	case "read":
		if c.view.Revision < m.site.Head(ch) {
			m.apply(m.site.any(m.stream))
		}
	case "settle":
		m.settle()
	case "cut":
		// A position that the reader got at some time, as a server with the same channels makes it.
		var id string
		if rapid.Bool().Draw(m.t, "with a position") {
			want, at := make([]publisher.Cursor, len(m.order)), make([]motacilla.Revision, len(m.order))
			for i, ch := range m.order {
				want[i].Channel, at[i] = ch, m.channels[ch].view.Revision
			}
			id = string(position(nil, mark(want), at))
			id = id[len("id: ") : len(id)-2]
		}
		_ = m.stream.body.Close()
		m.connect(id)
	}
}

func (m *model) connect(id string) {
	var want []string
	for _, ch := range m.order {
		m.channels[ch].begun = false
		want = append(want, string(ch))
	}
	var header []string
	if id != "" {
		header = []string{"Last-Event-ID", id}
	}
	m.stream = m.site.several(header, want...)
	m.site.subscribed(m.stream, m.order...)
}

func (m *model) apply(u *motacilla.Update) {
	c := m.channels[u.Channel]
	if c.begun && u.From > c.view.Revision {
		m.t.Fatalf("the reader is at %d of %s, and got an update from %d", c.view.Revision, u.Channel, u.From)
	}
	if c.view.Apply(u, !c.begun) {
		m.t.Fatalf("the reader at %d can't apply the update from %d to %d", c.view.Revision, u.From, u.Revision)
	}
	c.begun = true
}

func (m *model) settle() {
	for ch, c := range m.channels {
		for head := m.site.Head(ch); c.view.Revision < head; {
			m.apply(m.site.any(m.stream))
		}
		if err := m.site.Differ(&c.view, ch); err != nil {
			m.t.Fatal(err)
		}
	}
}
