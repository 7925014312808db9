// Package customreceiver is a receiver that is not part of the project: a chat calls a webhook for each message, edit and removal.
// An app takes it as app.Main(memory.Module, customreceiver.Module), and receivers: [{type: desk, secret: …}] chooses it.
package customreceiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Options are the receiver's settings.
type Options struct {
	Secret   string   `key:"secret" secret:"true" required:"true" doc:"the chat sends it as Authorization: Bearer"`
	Channels []string `key:"channels" doc:"ROOM=CHANNEL: which room of the chat feeds which channel"`
}

// Module registers the receiver as "desk".
var Module = receiver.Register("desk", &Options{}, New)

// Receiver takes messages of the chat.
type Receiver struct {
	kit      *receiver.Kit
	hook     *receiver.Hook
	channels receiver.Channels
	ingest   *receiver.Ingest
	files    *receiver.Files
}

var _ receiver.Receiver = (*Receiver)(nil)

// New returns the receiver. log may be nil.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	channels, err := receiver.ParseChannels(o.Channels)
	if err != nil {
		return nil, err
	}
	r := &Receiver{kit: kit, channels: channels, ingest: receiver.NewIngest(kit.Sink, "desk", nil)}
	r.files = receiver.NewFiles(r.ingest, kit, r.fetch, log)
	verify := receiver.SecretHeader("Authorization", "Bearer ", o.Secret)
	r.hook = &receiver.Hook{Receiver: "desk", Verify: verify, Handle: r.handle, Metrics: kit.Metrics, Logger: log}
	return r, nil
}

// URLs returns the route that the chat calls.
func (r *Receiver) URLs() []route.Route {
	return []route.Route{{Name: "desk", Pattern: "/hooks/desk", Handler: r.hook}}
}

// Start begins to fetch images.
func (r *Receiver) Start(ctx context.Context) error { return r.files.Start(ctx) }

// Shutdown ends fetching. The next start, or another node, goes on.
func (r *Receiver) Shutdown(ctx context.Context) error { return r.files.Shutdown(ctx) }

// message is what the chat sends.
type message struct {
	Event   string `json:"event"` // posted, edited or removed
	ID      string `json:"id"`
	Version int64  `json:"version"` // grows with each edit
	Room    string `json:"room"`
	Author  string `json:"author"`
	Text    string `json:"text"`    // HTML
	Picture string `json:"picture"` // URL of an image; may be empty
}

func (r *Receiver) handle(ctx context.Context, d receiver.Request) (answer receiver.Answer, err error) {
	var m message
	if err := json.Unmarshal(d.Body, &m); err != nil || m.ID == "" {
		return answer, motacilla.Invalid("body", "must be a message in JSON with an id")
	}
	ch, ok := r.channels.Of(m.Room)
	if !ok {
		return answer, nil // no channel wants this room
	}
	switch m.Event {
	case "posted", "edited":
		content := []motacilla.RawBlock{{Type: motacilla.TextBlock, Text: m.Text}}
		var files []receiver.File
		if m.Picture != "" {
			files = append(files, receiver.File{ID: m.Picture, Ref: m.Picture, Name: "a picture"})
			content = append(content, r.files.Block(files[0]))
		}
		post := receiver.Message{ID: m.ID, Version: m.Version, Author: m.Author, Content: content}
		if _, err = r.ingest.Put(ctx, ch, post); err == nil {
			err = r.files.Later(ctx, ch, m.ID, files...)
		}
	case "removed":
		err = r.ingest.Withdraw(ctx, ch, m.ID)
	}
	if errors.Is(err, motacilla.ErrDeleted) || errors.Is(err, motacilla.ErrNotFound) {
		err = nil // the chat need not send it again
	}
	return answer, err
}

// fetch fetches an image by a client that reaches no private address.
func (r *Receiver) fetch(ctx context.Context, f receiver.File) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Ref, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.kit.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the picture is answered with status %d", resp.StatusCode)
	}
	return resp.Body, nil
}
