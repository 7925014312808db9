package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Readers is how many readers there are, on all nodes together.
type Readers struct {
	Now    int
	Most   int       // at a time
	MostAt time.Time // when that was; zero if there has been no reader
	Nodes  []NodeReaders
}

// NodeReaders is how many readers a node has.
type NodeReaders struct {
	Node string `json:"node"` // the name of its machine
	Now  int    `json:"now"`
}

type readersJSON struct {
	Now    int           `json:"now"`
	Most   int           `json:"most"`
	MostAt *stamp        `json:"most_at"`
	Nodes  []NodeReaders `json:"nodes"`
}

// MarshalJSON encodes r in the form of the wire.
func (r Readers) MarshalJSON() ([]byte, error) {
	return plainJSON(readersJSON{r.Now, r.Most, stampOf(r.MostAt), append([]NodeReaders{}, r.Nodes...)})
}

// UnmarshalJSON decodes the form of the wire.
func (r *Readers) UnmarshalJSON(data []byte) error {
	var w readersJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Readers{w.Now, w.Most, w.MostAt.time(), w.Nodes}
	return nil
}

// Readers returns how many readers a channel has. It needs the role contributor. If there is no such channel, the error is a
// [motacilla.ErrNotFound].
func (c *Client) Readers(ctx context.Context, ch motacilla.ChannelID) (Readers, error) {
	err := validChannel(ch)
	var got Readers
	if err == nil {
		got, err = c.readers(ctx, &request{method: http.MethodGet, url: c.endpoint("api", "channels", string(ch), "readers")})
	}
	if err != nil {
		return Readers{}, fmt.Errorf("count the readers of channel %q: %w", ch, err)
	}
	return got, nil
}

// AllReaders returns how many readers all channels have. A reader of several channels counts once, if it has one connection. It needs
// the role editor, be it on some channels.
func (c *Client) AllReaders(ctx context.Context) (Readers, error) {
	got, err := c.readers(ctx, &request{method: http.MethodGet, url: c.endpoint("api", "readers")})
	if err != nil {
		return Readers{}, fmt.Errorf("count the readers: %w", err)
	}
	return got, nil
}

func (c *Client) readers(ctx context.Context, r *request) (got Readers, err error) {
	err = c.call(ctx, r, &got)
	if err == nil && got.Nodes == nil {
		err = r.foreign("nodes is missing")
	}
	return got, err
}

// Editor is somebody who has a channel open to write on it.
type Editor struct {
	Who   string           // the account
	Name  string           // what people call it
	Tab   string           // tells the tabs of an account apart
	Post  motacilla.PostID // that is open there; empty: none
	Draft string           // that is open there; empty: none
	Since time.Time
}

type editorJSON struct {
	Who   string  `json:"who"`
	Name  string  `json:"name"`
	Tab   string  `json:"tab"`
	Post  *string `json:"post"`
	Draft *string `json:"draft"`
	Since *stamp  `json:"since"`
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// MarshalJSON encodes e in the form of the wire.
func (e Editor) MarshalJSON() ([]byte, error) {
	return plainJSON(editorJSON{e.Who, e.Name, e.Tab, orNull(string(e.Post)), orNull(e.Draft), stampOf(e.Since)})
}

// UnmarshalJSON decodes the form of the wire.
func (e *Editor) UnmarshalJSON(data []byte) error {
	var w editorJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Editor{Who: w.Who, Name: w.Name, Tab: w.Tab, Since: w.Since.time()}
	if w.Post != nil {
		e.Post = motacilla.PostID(*w.Post)
	}
	if w.Draft != nil {
		e.Draft = *w.Draft
	}
	return nil
}

// Editors returns who has a channel open to write on it, in the order in which they have come. It needs the role contributor.
func (c *Client) Editors(ctx context.Context, ch motacilla.ChannelID) ([]Editor, error) {
	return c.editors(ctx, ch, &request{method: http.MethodGet})
}

// BeEditor says that the client's account has a channel open, and which post or draft. It lasts for 10 seconds, so call it every 5 seconds.
// Who, Name and Since of e are not used. It returns what [Client.Editors] does.
func (c *Client) BeEditor(ctx context.Context, ch motacilla.ChannelID, e Editor) ([]Editor, error) {
	body := map[string]any{"tab": e.Tab, "post": orNull(string(e.Post)), "draft": orNull(e.Draft)}
	return c.editors(ctx, ch, &request{method: http.MethodPut, body: body})
}

func (c *Client) editors(ctx context.Context, ch motacilla.ChannelID, r *request) ([]Editor, error) {
	var list struct{ Editors []Editor }
	err := validChannel(ch)
	if err == nil {
		r.url = c.endpoint("api", "channels", string(ch), "editors")
		err = c.call(ctx, r, &list)
	}
	if err == nil && list.Editors == nil {
		err = r.foreign("editors is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("editors of channel %q: %w", ch, err)
	}
	return list.Editors, nil
}
