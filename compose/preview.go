package compose

import (
	_ "embed" // for openapi.json
	"errors"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// openAPI describes previews. It refers to the components of the receiver webapp's description.
//
//go:embed openapi.json
var openAPI []byte

type previewJSON struct {
	HTML  string `json:"html"`
	Waits bool   `json:"waits"` // embedded pages are being looked up
}

// preview answers with what readers would get of a new post. It stores no post. Embedded pages are looked up, so that they are known when
// the post comes.
func (d *Desk) preview(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in postbody.Post
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	m, err := in.Message(nil) // nothing is stored, so there is nothing to repeat
	if err != nil {
		return err
	}
	if _, err := d.kit.Sink.Channel(r.Context(), ch); err != nil {
		return err
	}
	p := motacilla.Post{
		MessageID: m.ID, Source: Name, Author: m.Author, Created: m.Created, Show: true, Pinned: m.Pinned, KeyEvent: m.KeyEvent,
	}
	if p.Content, err = d.ingest.Content(m.Text, m.Content); err != nil {
		return err
	}
	if p, err = p.Admit(motacilla.NextRevision(0, time.Now())); err != nil {
		return err
	}
	if err := d.complete(r, p.Content); err != nil {
		return err
	}
	html, err := d.pages.RenderPost(ch, p)
	if err != nil {
		return err
	}
	out := previewJSON{HTML: html.String()}
	if d.kit.LookUp != nil {
		if out.Waits, err = d.kit.LookUp(r.Context(), p.Content); err != nil {
			return err
		}
	}
	return rest.WriteSecret(w, http.StatusOK, out)
}

// complete fills in images and embeds. An image that the server does not have is shown as one that has yet to arrive: the browser may
// be sending it.
func (d *Desk) complete(r *http.Request, content []motacilla.Block) error {
	if d.kit.Complete == nil {
		return nil
	}
	for i := range content {
		one := content[i : i+1]
		err := d.kit.Complete(r.Context(), one)
		if errors.Is(err, motacilla.ErrInvalid) && one[0].Type == motacilla.ImageBlock {
			one[0].Pending, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
