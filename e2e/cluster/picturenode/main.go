// Command picturenode is a node of the tests: the program with one receiver more, "pictures", whose messages have images that the
// node fetches from the source.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/media/local"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/receiver/telegram"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"go.uber.org/zap"
)

func main() {
	app.Main(
		sqlite.Module, postgres.Module, redis.Module, local.Module, sse.Module, websocket.Module, polling.Module, webapp.Module,
		slack.Module, telegram.Module, webhook.Module,
		receiver.Register[struct{}]("pictures", nil, newPictures),
	)
}

// pictures takes messages as JSON at /pictures.
type pictures struct {
	in    *receiver.Ingest
	files *receiver.Files
}

// message is the body of a request.
type message struct {
	Channel motacilla.ChannelID `json:"channel"`
	ID      string              `json:"id"`
	Text    string              `json:"text"`
	Image   string              `json:"image"` // its URL; "" if the message has none
}

func newPictures(kit *receiver.Kit, log *zap.Logger) *pictures {
	in := receiver.NewIngest(kit.Sink, "pictures", nil)
	return &pictures{in, receiver.NewFiles(in, kit, fetch, log)}
}

// fetch asks the test's own server, which the client for addresses from outside would not.
func fetch(ctx context.Context, f receiver.File) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Ref, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("fetch %s: %s", f.Ref, resp.Status)
	}
	return resp.Body, nil
}

func (p *pictures) URLs() []route.Route {
	return []route.Route{{Name: "pictures", Pattern: "/pictures", Handler: http.HandlerFunc(p.serve)}}
}

func (p *pictures) Start(ctx context.Context) error    { return p.files.Start(ctx) }
func (p *pictures) Shutdown(ctx context.Context) error { return p.files.Shutdown(ctx) }

func (p *pictures) serve(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		route.WriteError(w, r, motacilla.Invalid("body", "must be JSON"))
		return
	}
	if err := p.take(r.Context(), m); err != nil {
		route.WriteError(w, r, err)
	}
}

func (p *pictures) take(ctx context.Context, m message) error {
	content := []motacilla.RawBlock{{Type: motacilla.TextBlock, Text: m.Text}}
	var files []receiver.File
	if m.Image != "" {
		files = append(files, receiver.File{ID: m.Image, Ref: m.Image, Alt: "a picture"})
		content = append(content, p.files.Block(files[0]))
	}
	if _, _, err := p.in.Post(ctx, m.Channel, receiver.Message{ID: m.ID, Content: content}); err != nil {
		return err
	}
	return p.files.Later(ctx, m.Channel, m.ID, files...)
}
