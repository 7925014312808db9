package websocket

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"pgregory.net/rapid"
)

// A reader that subscribes, unsubscribes and is cut off at random has of each channel what the store has. Nothing is missing, and
// nothing comes twice on one connection.
func TestRandomSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, feed: publisher.FeedOptions{PageSize: 5, CatchUp: 20}})
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			m := &model{site: s, t: rt, follows: map[motacilla.ChannelID]*follow{}}
			for i := range 4 {
				ch := motacilla.ChannelID(fmt.Sprintf("run-%d-%d", n, i))
				s.Create(ch, motacilla.Public)
				m.channels = append(m.channels, &channelModel{id: ch})
			}
			m.reconnect()
			defer func() { _ = m.conn.Close() }()
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				m.step()
			}
			m.settle()
		})
	})
}

// model is a reader, and the channels.
type model struct {
	site     *site
	t        *rapid.T
	conn     *raw
	channels []*channelModel
	follows  map[motacilla.ChannelID]*follow
}

type channelModel struct {
	id    motacilla.ChannelID
	posts []motacilla.PostID
	view  motacilla.View
}

// follow is a subscription as the reader sees it.
type follow struct {
	*channelModel
	at    motacilla.Revision // where the server has it
	begun bool               // its first update has come
}

func (m *model) step() {
	c := m.channels[rapid.IntRange(0, len(m.channels)-1).Draw(m.t, "channel")]
	switch rapid.SampledFrom([]string{"write", "write", "write", "subscribe", "unsubscribe", "settle", "cut"}).Draw(m.t, "action") {
	case "write":
		c.posts = m.site.Stir(c.id, c.posts, rapid.IntRange(0, 99).Draw(m.t, "how"))
	case "subscribe":
		at := c.view.Revision // what comes before the answer comes once more
		m.request(fmt.Sprintf(`{"subscribe":{"%s":%d}}`, c.id, int64(at)), "subscribed", c.id)
		m.follows[c.id] = &follow{channelModel: c, at: at}
	case "unsubscribe":
		m.request(fmt.Sprintf(`{"unsubscribe":["%s"]}`, c.id), "unsubscribed", c.id)
		delete(m.follows, c.id)
	case "settle":
		m.settle()
	case "cut":
		_ = m.conn.SetLinger(0)
		_ = m.conn.Close()
		m.reconnect()
	}
}

// reconnect connects with the cursors of the channels that are followed.
func (m *model) reconnect() {
	var want []string
	for ch, f := range m.follows {
		f.begun, f.at = false, f.view.Revision
		want = append(want, fmt.Sprintf("%s,%d", ch, int64(f.view.Revision)))
	}
	m.conn = m.site.several(nil, want...)
	var notice struct{ Subscribed []motacilla.ChannelID }
	if text := m.site.text(m.conn); json.Unmarshal([]byte(text), &notice) != nil || len(notice.Subscribed) != len(want) {
		m.t.Fatalf("got %s, want %d channels subscribed", text, len(want))
	}
}

// request sends a request, and applies updates until it is answered.
func (m *model) request(text, answer string, ch motacilla.ChannelID) {
	m.site.ask(m.conn, text)
	for {
		text := m.site.text(m.conn)
		var notice map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &notice); err != nil {
			m.t.Fatal(err)
		}
		if got, answered := notice[answer]; answered {
			if string(got) != fmt.Sprintf(`["%s"]`, ch) {
				m.t.Fatalf("got %s, want the notice of %s", text, ch)
			}
			return
		}
		m.apply(text)
	}
}

func (m *model) apply(text string) {
	u := new(motacilla.Update)
	if err := u.UnmarshalJSON([]byte(text)); err != nil {
		m.t.Fatalf("%v in %s", err, text)
	}
	f := m.follows[u.Channel]
	switch {
	case f == nil:
		m.t.Fatalf("got an update of %s, which is not followed: %s", u.Channel, text)
	case u.From != f.at:
		m.t.Fatalf("the reader was sent %s up to %d, and got an update from %d to %d", u.Channel, f.at, u.From, u.Revision)
	case f.view.Apply(u, !f.begun):
		m.t.Fatalf("the reader can't apply %s", text)
	}
	f.begun, f.at = true, u.Revision
}

// settle reads until the reader has everything.
func (m *model) settle() {
	for _, f := range m.follows {
		for head := m.site.Head(f.id); f.at < head; {
			m.apply(m.site.text(m.conn))
		}
		if err := m.site.Differ(&f.view, f.id); err != nil {
			m.t.Fatal(err)
		}
	}
}
