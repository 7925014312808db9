package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// keeping starts a server with a history, on the channel match. Whoever has no token is refused; that of nobody may only read.
func keeping(t *testing.T) (as func(token string) *client.Client) {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	permit := func(r *http.Request, _ motacilla.ChannelID, action route.Action) (route.Grant, error) {
		name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case name == "":
			return route.Grant{}, motacilla.ErrUnauthorized
		case name == "nobody" && action != route.Read, action == route.Manage && name != "admin":
			return route.Grant{}, motacilla.ErrForbidden
		}
		return route.Grant{Holder: &route.Holder{ID: name, Who: "person/" + name, Name: strings.ToUpper(name)}}, nil
	}
	l, err := live.New(live.Options{
		Store: store, Authorize: permit, History: history.New(store.Records(), nil),
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil), drafts.New(p.Kit(), p.Authorize, nil)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(l)
	t.Cleanup(func() { server.Close(); _ = l.Shutdown(context.Background()) })
	return func(token string) *client.Client {
		c, err := client.New(server.URL, &client.Options{Token: token, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestVersions(t *testing.T) {
	as, ctx := keeping(t), t.Context()
	anna, bob := as("anna"), as("bob")
	d, err := anna.CreateDraft(ctx, "match", client.NewDraft{Text: "Goal", Author: "Anna"})
	if err == nil {
		d, err = bob.PublishDraft(ctx, "match", d.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	first, err := bob.Post(ctx, "match", d.Post)
	if err != nil {
		t.Fatal(err)
	}
	second, err := bob.EditPost(ctx, "match", first.ID, client.PostChange{Text: "No goal"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for v, err := range anna.Versions(ctx, "match", first.ID) {
		if err != nil || v.At.IsZero() {
			t.Fatalf("%+v, %v", v, err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintln(v.Revision == first.Revision, v.Current, v.Who, v.Name, v.Approved, v.Changes, v.Diff)))
		data, err := json.Marshal(v)
		var again client.Version
		if err != nil || json.Unmarshal(data, &again) != nil || fmt.Sprint(again) != fmt.Sprint(v) {
			t.Errorf("%+v is %+v after JSON %s, %v", v, again, data, err)
		}
	}
	want := []string{
		"false true person/bob BOB { } [content] <del>Goal</del><ins>No goal</ins>",
		"true false person/anna ANNA {person/bob BOB} [] Goal",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("versions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	page, err := anna.VersionPage(ctx, "match", first.ID, "", 1)
	if err != nil || len(page.Versions) != 1 || page.Next == "" {
		t.Errorf("page %+v, %v", page, err)
	}
	if page, err = anna.VersionPage(ctx, "match", first.ID, page.Next, 1); err != nil || page.Versions[0].Revision != first.Revision || page.Next != "" {
		t.Errorf("page %+v, %v", page, err)
	}
	if p, err := anna.PostAt(ctx, "match", first.ID, first.Revision); err != nil || p.Content[0].Text != "Goal" {
		t.Errorf("the first version %+v, %v", p, err)
	}
	if _, err := anna.RestorePost(ctx, "match", first.ID, first.Revision, first.Revision); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("restored over a change: %v", err)
	}
	restored, err := anna.RestorePost(ctx, "match", first.ID, first.Revision, second.Revision)
	if err != nil || restored.ID != first.ID || restored.Content[0].Text != "Goal" {
		t.Errorf("restored %+v, %v", restored, err)
	}
	if err := bob.DeletePost(ctx, "match", first.ID, 0); err != nil {
		t.Fatal(err)
	}
	again, err := anna.RestorePost(ctx, "match", first.ID, first.Revision, 0)
	if err != nil || again.ID == first.ID || again.Content[0].Text != "Goal" {
		t.Errorf("restored as %+v, %v", again, err)
	}
	removal, err := anna.VersionPage(ctx, "match", first.ID, "", 0)
	if err != nil || !removal.Versions[0].Removed {
		t.Errorf("versions of the removed post %+v, %v", removal, err)
	} else if _, err := anna.PostAt(ctx, "match", first.ID, removal.Versions[0].Revision); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("the post at its removal: %v", err)
	}
	gone, err := as("admin").ErasePost(ctx, "match", again.ID, again.Revision)
	if err != nil || gone.Post != again.ID || gone.Drafts != 1 || gone.Versions != 5 {
		t.Errorf("removed for good: %+v, %v", gone, err)
	}
	if _, err := anna.VersionPage(ctx, "match", first.ID, "", 0); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("the versions after that: %v", err)
	}
}

func TestVersionErrors(t *testing.T) {
	as, ctx := keeping(t), t.Context()
	p, err := as("anna").CreatePost(ctx, "match", client.NewPost{Text: "Goal"})
	if err != nil {
		t.Fatal(err)
	}
	none := motacilla.NewPostID(p.Revision.Time())
	calls := map[string]func(c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) error{
		"list": func(c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) error {
			_, err := c.VersionPage(ctx, ch, id, "", 0)
			return err
		},
		"each": func(c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) error {
			for _, err := range c.Versions(ctx, ch, id) {
				return err
			}
			return nil
		},
		"get": func(c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) error {
			_, err := c.PostAt(ctx, ch, id, p.Revision)
			return err
		},
		"restore": func(c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) error {
			_, err := c.RestorePost(ctx, ch, id, p.Revision, 0)
			return err
		},
		"erase": func(c *client.Client, ch motacilla.ChannelID, id motacilla.PostID) error {
			_, err := c.ErasePost(ctx, ch, id, 0)
			return err
		},
	}
	for name, call := range calls {
		for _, wrong := range []struct {
			who  string
			ch   motacilla.ChannelID
			id   motacilla.PostID
			want error
		}{
			{"", "match", p.ID, motacilla.ErrUnauthorized}, {"nobody", "match", p.ID, motacilla.ErrForbidden},
			{"admin", "match", none, motacilla.ErrNotFound}, {"admin", "other", p.ID, motacilla.ErrNotFound},
			{"admin", "match", "x", motacilla.ErrInvalid}, {"admin", "a/b", p.ID, motacilla.ErrInvalid},
		} {
			if err := call(as(wrong.who), wrong.ch, wrong.id); !errors.Is(err, wrong.want) {
				t.Errorf("%s of %s/%s by %q: %v, want %v", name, wrong.ch, wrong.id, wrong.who, err, wrong.want)
			}
		}
	}
	if _, err := as("bob").ErasePost(ctx, "match", p.ID, 0); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("an editor removes for good: %v", err)
	}
	if _, err := as("admin").ErasePost(ctx, "match", p.ID, p.Revision+1); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("another revision is removed for good: %v", err)
	}
	if _, err := as("anna").VersionPage(ctx, "match", p.ID, "x", 0); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("no page: %v", err)
	}
	if _, err := as("anna").PostAt(ctx, "match", p.ID, 7); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("no version: %v", err)
	}
}

// Answers of something else than this server are errors.
func TestForeignVersions(t *testing.T) {
	var answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, &client.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := motacilla.PostID("019ab000-0000-7000-8000-000000000001")
	for _, answer = range []string{`{}`, `[]`, `hello`, `{"versions":[{"at":"yesterday"}]}`} {
		if page, err := c.VersionPage(t.Context(), "match", id, "", 0); err == nil {
			t.Errorf("%s is %+v", answer, page)
		}
	}
	answer = `{"post":{"id":"019ab000-0000-7000-8000-000000000002","content":[],"created":"2025-01-01T00:00:00Z","modified":"2025-01-01T00:00:00Z"}}`
	if p, err := c.PostAt(t.Context(), "match", id, 7); err == nil {
		t.Errorf("another post is %+v", p)
	}
}
