package crowd

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// view is what a reader holds of a channel. Only the revisions of its posts count.
type view struct {
	channel motacilla.ChannelID
	cursor  motacilla.Revision // 0 if the reader has nothing yet
	posts   map[motacilla.PostID]motacilla.Revision
	off     bool // the reader does not follow the channel just now
}

// take applies an update.
func (v *view) take(u *motacilla.Update, r *Report) {
	r.Updates++
	switch {
	case u.Reset:
		if v.cursor != 0 {
			r.Resets++
		}
		v.posts = make(map[motacilla.PostID]motacilla.Revision, len(u.Renders))
	case u.From > v.cursor:
		r.Gaps++
	case u.From < v.cursor:
		r.Doubled++
		return
	}
	if !u.Reset && !u.Heartbeat() {
		r.Lag = max(r.Lag, time.Since(u.Revision.Time()))
	}
	v.cursor = u.Revision
	for i := range u.Renders {
		p := &u.Renders[i]
		if v.posts[p.ID] >= p.Revision {
			r.Doubled++
		}
		v.posts[p.ID] = p.Revision
	}
	for _, id := range u.Removals {
		delete(v.posts, id)
	}
}

// holds returns an error if the view is not what the store holds. done is false if it is not there yet.
func (v *view) holds(want Content) (done bool, err error) {
	if v.cursor < want.Head || v.off {
		return false, fmt.Errorf("it is at %d, expected %d", v.cursor, want.Head)
	}
	if !maps.Equal(v.posts, want.Posts) {
		return true, fmt.Errorf("at %d it holds %d posts, which are not the %d of the store at %d",
			v.cursor, len(v.posts), len(want.Posts), want.Head)
	}
	return true, nil
}

// said is a message of the server: an update, or a notice of a connection with several channels.
type said struct {
	update *motacilla.Update // nil if it is a notice

	Channel      *motacilla.ChannelID  `json:"channel"`
	Subscribed   []motacilla.ChannelID `json:"subscribed"`
	Unsubscribed []motacilla.ChannelID `json:"unsubscribed"`
	Refused      *struct{ Status int } `json:"refused"`
	Error        json.RawMessage       `json:"error"`
	Heartbeat    bool                  `json:"heartbeat"`
}

// decoder decodes messages. Readers get the same bytes, so that each message is decoded once for all of them.
type decoder struct {
	mu   sync.RWMutex
	said map[string]*said
}

// mostSaid is how many messages a decoder keeps.
const mostSaid = 5000

func (d *decoder) decode(b []byte) (*said, error) {
	d.mu.RLock()
	s := d.said[string(b)]
	d.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	s = &said{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%w: %.100q", err, b)
	}
	if s.Channel != nil {
		s.update = &motacilla.Update{}
		if err := s.update.UnmarshalJSON(b); err != nil {
			return nil, fmt.Errorf("%w: %.100q", err, b)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.said == nil || len(d.said) >= mostSaid {
		d.said = make(map[string]*said)
	}
	d.said[string(b)] = s
	return s, nil
}
