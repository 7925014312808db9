package webapp

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
)

type channelJSON struct {
	ID       motacilla.ChannelID `json:"id"`
	Title    string              `json:"title"`
	Access   motacilla.Access    `json:"access"`
	Created  string              `json:"created"`
	Ended    *string             `json:"ended"`
	Revision motacilla.Revision  `json:"revision"`
}

func encodeChannel(c motacilla.Channel) channelJSON {
	out := channelJSON{
		ID: c.ID, Title: c.Title, Access: c.Access, Created: motacilla.FormatTime(c.Created), Revision: c.Head,
	}
	if !c.Ended.IsZero() {
		ended := motacilla.FormatTime(c.Ended)
		out.Ended = &ended
	}
	return out
}

type postJSON struct {
	ID        motacilla.PostID    `json:"id"`
	MessageID string              `json:"message_id"`
	Channel   motacilla.ChannelID `json:"channel"`
	Source    string              `json:"source"`
	Author    string              `json:"author"`
	Created   string              `json:"created"`
	Modified  string              `json:"modified"`
	Show      bool                `json:"show"`
	Pinned    bool                `json:"pinned"`
	KeyEvent  bool                `json:"key_event"`
	Content   []motacilla.Block   `json:"content"`
	Revision  motacilla.Revision  `json:"revision"`
}

func encodePost(ch motacilla.ChannelID, p motacilla.Post) postJSON {
	return postJSON{
		ID: p.ID, MessageID: p.MessageID, Channel: ch, Source: p.Source, Author: p.Author,
		Created: motacilla.FormatTime(p.Created), Modified: motacilla.FormatTime(p.Modified),
		Show: p.Show, Pinned: p.Pinned, KeyEvent: p.KeyEvent, Content: p.Content, Revision: p.Revision,
	}
}

type channelsJSON struct {
	Channels []channelJSON `json:"channels"`
	Next     *string       `json:"next"`
}

type postsJSON struct {
	Posts []postJSON         `json:"posts"`
	Head  motacilla.Revision `json:"head"`
	Next  *string            `json:"next"`
}

// write answers with v. The answer depends on the client's permissions, so a shared cache must not keep it.
func write(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	h := w.Header()
	cacheable(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client may have gone
	return nil
}

func cacheable(h http.Header) {
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization, Cookie")
}

func writePost(w http.ResponseWriter, status int, ch motacilla.ChannelID, p motacilla.Post) error {
	w.Header().Set("ETag", etag(p.Revision))
	return write(w, status, encodePost(ch, p))
}

func channelPath(ch motacilla.ChannelID) string { return "/api/channels/" + url.PathEscape(string(ch)) }

func postPath(ch motacilla.ChannelID, id motacilla.PostID) string {
	return channelPath(ch) + "/posts/" + string(id)
}
