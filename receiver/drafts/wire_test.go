package drafts

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/receiver"
)

// pictures are images that the server has.
type pictures struct{ receiver.NoImages }

func (pictures) Image(_ context.Context, id string) (motacilla.Block, error) {
	if id != "known" {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/known.jpg", Width: 4, Height: 3}, nil
}

func (pictures) Add(context.Context, string, io.Reader) (motacilla.Block, error) {
	return motacilla.Block{}, motacilla.ErrInvalid
}

// An image of a draft is in use, also one that its text has a link to. It has its URL before the draft is a post.
func TestImages(t *testing.T) {
	s := open(t, pictures{})
	made := s.as(anna).want(201, "POST", "", `{"content":[{"type":"image","value":{"media":"known","alt":"A squad"}},
		{"type":"text","value":{"text":"see <a href=\"https://example.org/media/linked/4.jpg\">it</a>"}}]}`)
	if b := made.Content[0]; b.URL != "/media/known.jpg" || b.Alt != "A squad" {
		t.Errorf("image: %+v", b)
	}
	var used []string
	err := drafted.Images(s.store.Records(), media.UsesOf)(t.Context(), func(id string) { used = append(used, id) })
	if err != nil || strings.Join(used, " ") != "known linked" {
		t.Errorf("used: %v, %v", used, err)
	}
	s.as(eve).want(200, "POST", "/"+made.ID+"/publish", `{}`)
}

// Nothing that is done with a draft before it is published changes the channel: no reader gets anything.
func TestReadersGetNothing(t *testing.T) {
	s := open(t, nil)
	before, err := s.store.Channel(t.Context(), "match")
	if err != nil {
		t.Fatal(err)
	}
	one := s.as(anna).add(`{"text":"secret"}`)
	s.as(anna).want(200, "PATCH", one, `{"text":"secret too"}`)
	s.as(anna).want(200, "POST", one+"/submit", `{}`)
	s.as(eve).want(200, "POST", one+"/return", `{"note":"secret"}`)
	s.as(eve).want(200, "POST", one+"/schedule", in(time.Hour))
	s.as(eve).want(200, "POST", one+"/unschedule", `{}`)
	after, err := s.store.Channel(t.Context(), "match")
	if err != nil || after.Head != before.Head || len(s.posts()) != 0 {
		t.Errorf("the channel is at %d, and was at %d (%v); posts: %v", after.Head, before.Head, err, s.posts())
	}
	s.as(eve).want(200, "POST", one+"/publish", `{}`)
	if got := strings.Join(s.posts(), ""); got != "secret too" {
		t.Errorf("posts: %q", got)
	}
}

// What is left of a post in drafts can be removed for good.
func TestForget(t *testing.T) {
	s := open(t, nil)
	one, other := s.as(anna).add(`{"text":"one"}`), s.as(anna).add(`{"text":"other"}`)
	done := s.as(eve).want(200, "POST", one+"/publish", `{}`)
	edits := s.as(anna).add(`{"edits":"` + done.Post + `","text":"two"}`)
	s.as(eve).want(200, "POST", edits+"/schedule", in(time.Hour))
	n, err := drafted.Forget(t.Context(), s.store.Records(), drafted.About{Channel: "match", Post: motacilla.PostID(done.Post)})
	if err != nil || n != 2 {
		t.Fatalf("%d drafts are gone, %v", n, err)
	}
	s.as(eve).want(404, "GET", one, "")
	s.as(eve).want(404, "GET", edits, "")
	s.as(eve).want(200, "GET", other, "")
	s.rounds(1, time.Now().Add(2*time.Hour))
	s.wantPosts("one")
	if s.due() != 0 {
		t.Error("an entry is left")
	}
}
