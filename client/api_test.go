package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const secret = "s3cret"

// api is a server of the interface below /api, on a store in memory.
type api struct {
	store  *memory.Store
	images *album
	http.Handler
}

func newAPI(t testing.TB) *api {
	t.Helper()
	a := &api{store: memory.New(nil), images: &album{kept: map[string]string{}}}
	t.Cleanup(func() { _ = a.store.Close() })
	table := route.NewTable()
	for _, rt := range webapp.New(a.store, a.authorize, &webapp.Options{Images: a.images}).URLs() {
		if err := table.Add(rt.Name, "", rt); err != nil {
			t.Fatal(err)
		}
	}
	a.Handler = table
	return a
}

// authorize lets the token do everything, and others read public channels.
func (a *api) authorize(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer " + secret:
		return route.Grant{}, nil
	case "":
		if action != route.Read {
			return route.Grant{}, motacilla.ErrUnauthorized
		}
		if ch == "" {
			return route.Grant{}, nil
		}
		c, err := a.store.Channel(r.Context(), ch)
		if err == nil && c.Access != motacilla.Public {
			err = motacilla.ErrForbidden
		}
		return route.Grant{WhilePublic: true}, err
	}
	return route.Grant{}, motacilla.ErrUnauthorized
}

// through returns options of a client whose requests h serves, wherever they go.
func through(t testing.TB, h http.Handler) *client.Options {
	server := httptest.NewServer(h)
	transport := &http.Transport{}
	transport.DialContext = (&site{address: server.Listener.Addr().String()}).dial
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return &client.Options{
		Token: secret, HTTP: &http.Client{Transport: transport}, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond,
		Timeout: patience,
	}
}

func newClient(t testing.TB, base string, o *client.Options) *client.Client {
	t.Helper()
	c, err := client.New(base, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChannels does all that can be done with a channel, at a server below a path too.
func TestChannels(t *testing.T) {
	for _, base := range []string{"http://live.example", "http://live.example/", "http://example.org/news/live", "http://example.org/news/live/"} {
		a := newAPI(t)
		_, path, _ := strings.Cut(strings.TrimPrefix(base, "http://"), "/")
		c := newClient(t, base, through(t, http.StripPrefix(strings.TrimRight("/"+path, "/"), a)))
		ctx := patient(t)

		made, err := c.CreateChannel(ctx, client.NewChannel{ID: "match-42", Title: `A <b>"match"</b>`})
		if err != nil || made.ID != match || made.Title != `A <b>"match"</b>` || made.Access != motacilla.Public ||
			made.Created.IsZero() || !made.Ended.IsZero() || made.Revision == 0 {
			t.Fatalf("%s: created %+v, %v", base, made, err)
		}
		if _, err := c.CreateChannel(ctx, client.NewChannel{ID: match}); !errors.Is(err, motacilla.ErrExists) {
			t.Errorf("created twice: %v, want ErrExists", err)
		}
		if got, err := c.Channel(ctx, match); err != nil || got != made {
			t.Errorf("got %+v, %v", got, err)
		}
		changed, err := c.ChangeChannel(ctx, match, client.ChannelChange{Title: new(""), Access: motacilla.Private})
		if err != nil || changed.Title != "" || changed.Access != motacilla.Private || changed.Revision <= made.Revision {
			t.Errorf("changed %+v, %v", changed, err)
		}
		if same, err := c.ChangeChannel(ctx, match, client.ChannelChange{}); err != nil || same != changed {
			t.Errorf("a change of nothing makes %+v, %v", same, err)
		}
		ended, err := c.EndChannel(ctx, match)
		if err != nil || ended.Ended.IsZero() || ended.Access != motacilla.Private {
			t.Errorf("ended %+v, %v", ended, err)
		}
		at := time.Date(2026, 3, 1, 22, 4, 5, 6000, time.UTC)
		if moved, err := c.ChangeChannel(ctx, match, client.ChannelChange{Ended: &at}); err != nil || !moved.Ended.Equal(at) {
			t.Errorf("ended at %v, %v", moved.Ended, err)
		}
		if open, err := c.ReopenChannel(ctx, match); err != nil || !open.Ended.IsZero() {
			t.Errorf("reopened %+v, %v", open, err)
		}
		if err := c.DeleteChannel(ctx, match); err != nil {
			t.Error(err)
		}
		for what, err := range map[string]error{
			"delete": c.DeleteChannel(ctx, match), "get": second(c.Channel(ctx, match)), "end": second(c.EndChannel(ctx, match)),
			"post": second(c.CreatePost(ctx, match, client.NewPost{Text: "x"})),
		} {
			if !errors.Is(err, motacilla.ErrNotFound) || !strings.Contains(err.Error(), `channel "match-42"`) {
				t.Errorf("%s what is not there: %v", what, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestPosts does all that can be done with a post.
func TestPosts(t *testing.T) {
	a := newAPI(t)
	c := newClient(t, "http://live.example", through(t, a))
	ctx := patient(t)
	if _, err := c.CreateChannel(ctx, client.NewChannel{ID: match}); err != nil {
		t.Fatal(err)
	}
	content := []motacilla.RawBlock{
		{Type: motacilla.TextBlock, Text: "<p>a &amp; <b>b</b></p>"},
		{Type: motacilla.ImageBlock, URL: "https://example.org/a.jpg", Alt: "<a>", Width: 3, Height: 2},
		{Type: motacilla.EmbedBlock, URL: "https://youtu.be/abc"},
	}
	at := time.Date(2026, 3, 1, 22, 4, 5, 6000, time.UTC)
	made, err := c.CreatePost(ctx, match, client.NewPost{
		Content: content, Author: "Mara", MessageID: "möwe", Hidden: true, Pinned: true, KeyEvent: true, Created: at,
	})
	if err != nil || made.MessageID != "möwe" || made.Channel != match || made.Source != "webapp" || made.Author != "Mara" ||
		!made.Created.Equal(at) || !made.Modified.Equal(at) || made.Show || !made.Pinned || !made.KeyEvent ||
		!slices.Equal(made.Content, content) || made.Revision == 0 {
		t.Fatalf("created %+v, %v", made, err)
	}
	if again, err := c.CreatePost(ctx, match, client.NewPost{Text: "x", MessageID: "möwe"}); err != nil || again.Revision != made.Revision {
		t.Errorf("created again %+v, %v", again, err)
	}
	short, err := c.CreatePost(ctx, match, client.NewPost{Text: "one<script>alert(1)</script>\nhttps://youtu.be/abc"})
	if err != nil || !short.Show || short.Pinned || short.KeyEvent || short.MessageID == "" || len(short.Content) != 2 ||
		short.Content[0].Text != "one" || short.Content[1].Type != motacilla.EmbedBlock {
		t.Errorf("created %+v, %v", short, err)
	}
	if got, err := c.Post(ctx, match, made.ID); err != nil || got.Revision != made.Revision || !slices.Equal(got.Content, content) {
		t.Errorf("got %+v, %v", got, err)
	}

	edited, err := c.EditPost(ctx, match, made.ID, client.PostChange{
		Text: "new", Author: new(""), Show: new(true), Pinned: new(false), KeyEvent: new(false), Created: at.Add(time.Hour),
		IfRevision: made.Revision,
	})
	if err != nil || len(edited.Content) != 1 || edited.Content[0].Text != "new" || edited.Author != "" || !edited.Show ||
		edited.Pinned || edited.KeyEvent || !edited.Created.Equal(at.Add(time.Hour)) {
		t.Errorf("edited %+v, %v", edited, err)
	}
	_, err = c.EditPost(ctx, match, made.ID, client.PostChange{Content: content, IfRevision: made.Revision})
	var answer *client.Error
	if !errors.Is(err, motacilla.ErrConflict) || !errors.As(err, &answer) || answer.Status != 412 || answer.Field != "If-Match" {
		t.Errorf("edited an old revision: %v", err)
	}
	for _, step := range []struct {
		do           func(context.Context, motacilla.ChannelID, motacilla.PostID) (client.Post, error)
		show, pinned bool
	}{{c.HidePost, false, false}, {c.PinPost, false, true}, {c.ShowPost, true, true}, {c.UnpinPost, true, false}} {
		if p, err := step.do(ctx, match, made.ID); err != nil || p.Show != step.show || p.Pinned != step.pinned || len(p.Content) != 1 {
			t.Errorf("%+v, %v; want %v, %v", p, err, step.show, step.pinned)
		}
	}
	if err := c.DeletePost(ctx, match, made.ID, made.Revision); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("deleted an old revision: %v", err)
	}
	if err := c.DeletePost(ctx, match, made.ID, 0); err != nil {
		t.Error(err)
	}
	if err := c.DeletePost(ctx, match, made.ID, 0); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := c.CreatePost(ctx, match, client.NewPost{Text: "x", MessageID: "möwe"}); !errors.Is(err, motacilla.ErrDeleted) {
		t.Errorf("created after its removal: %v", err)
	}
}

// TestLists reads lists of several pages.
func TestLists(t *testing.T) {
	a := newAPI(t)
	c := newClient(t, "http://live.example", through(t, a))
	ctx := patient(t)
	const many = 2*client.MaxPage + 30
	var want []motacilla.PostID
	for i := range many {
		id := motacilla.ChannelID("c" + strings.Repeat("x", i))
		if i == 0 {
			id = match
		}
		if _, err := a.store.PutChannel(ctx, motacilla.Channel{ID: id}, 0); err != nil {
			t.Fatal(err)
		}
		p, err := a.store.PutPost(ctx, match, motacilla.Post{Show: i%2 == 0}, 0)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p.ID)
	}
	n := 0
	for ch, err := range c.Channels(ctx) {
		if n++; err != nil || ch.ID == "" {
			t.Fatal(ch, err)
		}
	}
	if n != many {
		t.Errorf("%d channels of %d", n, many)
	}
	slices.Reverse(want)
	var got []motacilla.PostID
	for p, err := range c.Posts(ctx, match) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d posts of %d, or in another order", len(got), many)
	}
	for range c.Posts(ctx, match) { // the caller may stop
		break
	}
	page, err := c.PostPage(ctx, match, string(want[4]), 3)
	if err != nil || len(page.Posts) != 3 || page.Posts[0].ID != want[5] || page.Head == 0 || page.Next == "" {
		t.Errorf("%+v, %v", page, err)
	}
	for _, err := range []error{
		second(c.PostPage(ctx, match, "", client.MaxPage+1)), second(c.PostPage(ctx, match, "x y", 0)), second(c.ChannelPage(ctx, "", -1)),
	} {
		if !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%v, want ErrInvalid", err)
		}
	}
	for _, err := range c.Posts(ctx, "nowhere") {
		if !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}

	anonymous := through(t, a)
	anonymous.Token = ""
	reader := newClient(t, "http://live.example", anonymous)
	n = 0
	for p, err := range reader.Posts(ctx, match) {
		if n++; err != nil || !p.Show {
			t.Fatal(p, err)
		}
	}
	if n != many/2 {
		t.Errorf("%d visible posts of %d", n, many/2)
	}
}
