package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestDrafts(t *testing.T) {
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	holder := &route.Holder{ID: "x", Who: "person/x", Name: "X"}
	permit := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
		return route.Grant{Holder: holder}, nil
	}
	table := route.NewTable()
	if err := table.Add("drafts", "", drafts.New(&receiver.Kit{Sink: store, Records: store.Records()}, permit, nil).URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, &client.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	must := func(d client.Draft, err error) client.Draft {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	old := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	d := must(c.CreateDraft(ctx, "match", client.NewDraft{Text: "<b>Goal</b>", Author: "Anna", Pinned: true, Created: old}))
	if d.State != "draft" || d.By != (client.Author{Who: "person/x", Name: "X"}) || !d.Created.Equal(old) ||
		d.ETag == "" || d.Content[0].Text != "<b>Goal</b>" {
		t.Errorf("created: %+v", d)
	}
	changed := must(c.EditDraft(ctx, "match", d.ID, client.DraftChange{Created: &time.Time{}, KeyEvent: new(true), IfMatch: d.ETag}))
	if !changed.Created.IsZero() || !changed.KeyEvent || !changed.Pinned {
		t.Errorf("changed: %+v", changed)
	}
	if _, err := c.EditDraft(ctx, "match", d.ID, client.DraftChange{Text: "x", IfMatch: d.ETag}); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("an old ETag: %v", err)
	}
	if _, err := c.EditDraft(ctx, "match", d.ID, client.DraftChange{Text: "x", IfMatch: "7"}); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("no ETag: %v", err)
	}
	if got := must(c.SubmitDraft(ctx, "match", d.ID)); got.State != "submitted" {
		t.Errorf("submitted: %+v", got)
	}
	if got := must(c.ReturnDraft(ctx, "match", d.ID, "why?")); got.State != "returned" || got.Note != "why?" {
		t.Errorf("returned: %+v", got)
	}
	at := motacilla.Micro(time.Now().Add(time.Hour))
	if got := must(c.ScheduleDraft(ctx, "match", d.ID, at)); got.State != "scheduled" || !got.At.Equal(at) {
		t.Errorf("scheduled: %+v", got)
	}
	if got := must(c.UnscheduleDraft(ctx, "match", d.ID)); got.State != "submitted" || !got.At.IsZero() {
		t.Errorf("unscheduled: %+v", got)
	}
	done := must(c.PublishDraft(ctx, "match", d.ID))
	if again := must(c.PublishDraft(ctx, "match", d.ID)); done.Post == "" || again.Post != done.Post {
		t.Errorf("published: %+v, %+v", done, again)
	}
	if _, err := c.EditDraft(ctx, "match", d.ID, client.DraftChange{Text: "x"}); !errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("published: %v", err)
	}
	edits := must(c.CreateDraft(ctx, "match", client.NewDraft{Edits: done.Post, Author: "Ben"}))
	if got := must(c.Draft(ctx, "match", edits.ID)); got.Edits != done.Post || got.Base == 0 || got.Author != "Ben" || !got.Pinned {
		t.Errorf("edits: %+v", got)
	}
	var copied client.Draft
	if data, err := json.Marshal(edits); err != nil || json.Unmarshal(data, &copied) != nil ||
		copied.Base != edits.Base || copied.ID != edits.ID {
		t.Errorf("in JSON: %+v, %v", copied, err)
	}
	var states []string
	for one, err := range c.Drafts(ctx, "match", "") {
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, one.State)
	}
	if len(states) != 2 || states[0] != "published" || states[1] != "draft" {
		t.Errorf("list: %v", states)
	}
	for one, err := range c.Drafts(ctx, "match", "draft") {
		if err != nil || one.ID != edits.ID {
			t.Errorf("list: %+v, %v", one, err)
		}
	}
	if err := c.DeleteDraft(ctx, "match", edits.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.Draft(ctx, "match", edits.ID); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if err := c.DeleteDraft(ctx, "match", "x"); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("a wrong ID: %v", err)
	}
}
