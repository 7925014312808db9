package live

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// album has the image "known".
type album struct{}

func (album) Add(context.Context, string, io.Reader) (motacilla.Block, error) {
	return motacilla.Block{}, errors.New("not called")
}

func (album) Image(_ context.Context, id string) (motacilla.Block, error) {
	if id != "known" {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return known, nil
}

var known = motacilla.Block{
	Type: motacilla.ImageBlock, Media: "known", URL: "/media/known/640.jpg", Srcset: "/media/known/640.jpg 640w", Color: "#336699",
	Width: 640, Height: 480,
}

// looker knows the page /known, and records the others.
type looker struct {
	Embeds
	later []string
	fails error
}

func (l *looker) Card(_ context.Context, url string) (motacilla.Card, bool) {
	if url == "https://example.org/known" {
		return motacilla.Card{Title: "Known"}, true
	}
	return motacilla.Card{}, false
}

func (l *looker) Later(_ context.Context, _ motacilla.ChannelID, id motacilla.PostID, url string) error {
	if id == "" {
		return errors.New("no post")
	}
	if l.fails == nil {
		l.later = append(l.later, url)
	}
	return l.fails
}

func completed(t *testing.T, cards Embeds) *completing {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	return &completing{Store: store, images: album{}, cards: cards}
}

// image is a block of an image, as a client sends it.
func image(id string, pending bool) motacilla.Block {
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, Pending: pending, Alt: "a hat", Width: 9}
}

func TestImagesAreCompleted(t *testing.T) {
	t.Parallel()
	s := completed(t, nil)
	want := known
	want.Alt = "a hat"
	for _, pending := range []bool{false, true} {
		p, err := s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{image("known", pending)}}, 0)
		if err != nil || p.Content[0] != want {
			t.Errorf("pending %v: %+v, %v", pending, p.Content, err)
		}
	}
	p, err := s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{image("soon", true)}}, 0)
	if err != nil || p.Content[0] != image("soon", true) {
		t.Errorf("an image that is to come: %+v, %v", p.Content, err)
	}
	lost := image("lost", false)
	lost.URL = "/media/lost/640.jpg"
	if p, err = s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{lost}}, 0); err != nil || p.Content[0] != lost {
		t.Errorf("an image that the library has lost: %+v, %v", p.Content, err)
	}
	_, err = s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{{Type: motacilla.TextBlock}, image("none", false)}}, 0)
	if field := (*motacilla.FieldError)(nil); !errors.As(err, &field) || field.Field != "content[1].value.media" {
		t.Errorf("an image that is not there: %v", err)
	}
	s.images = failing{}
	if _, err = s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{image("known", true)}}, 0); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("the records do not answer: %v", err)
	}
}

type failing struct{ album }

func (failing) Image(context.Context, string) (motacilla.Block, error) {
	return motacilla.Block{}, motacilla.ErrUnavailable
}

func TestEmbedsAreCompleted(t *testing.T) {
	t.Parallel()
	l := &looker{}
	s := completed(t, l)
	put := func(urls ...string) (motacilla.Post, error) {
		p := motacilla.Post{MessageID: "m"}
		for _, u := range urls {
			p.Content = append(p.Content, motacilla.Block{Type: motacilla.EmbedBlock, URL: u})
		}
		return s.PutPost(t.Context(), "c", p, 0)
	}
	l.fails = motacilla.ErrUnavailable
	if _, err := put("https://example.org/known", "https://example.org/new"); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("a post whose page is not queued is acknowledged: %v", err)
	}
	l.fails = nil
	p, err := put("https://example.org/known", "https://example.org/new") // as the source delivers it again
	if !errors.Is(err, motacilla.ErrExists) || len(l.later) != 1 || l.later[0] != "https://example.org/new" {
		t.Errorf("%v, queued %q", err, l.later)
	}
	if p.Content[0].Card.Title != "Known" || p.Content[1].Card != (motacilla.Card{}) {
		t.Errorf("cards %+v", p.Content)
	}
	l.later = nil
	p, err = storage.Edit(t.Context(), s, "c", p.ID, func(p *motacilla.Post) error {
		p.Content[1].Card.Title = "Found"
		p.Pinned = true
		return nil
	})
	if err != nil || len(l.later) != 0 || p.Content[1].Card.Title != "Found" {
		t.Errorf("the card comes: %+v, %v, queued %q", p.Content, err, l.later)
	}
}
