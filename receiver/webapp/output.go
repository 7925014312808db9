package webapp

import (
	"net/http"
	"net/url"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
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

func writePost(w http.ResponseWriter, status int, ch motacilla.ChannelID, p motacilla.Post) error {
	w.Header().Set("ETag", etag(p.Revision))
	return rest.Write(w, status, encodePost(ch, p))
}

func channelPath(ch motacilla.ChannelID) string { return "/api/channels/" + url.PathEscape(string(ch)) }

func postPath(ch motacilla.ChannelID, id motacilla.PostID) string {
	return channelPath(ch) + "/posts/" + string(id)
}
