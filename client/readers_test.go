package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/presence"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// TestReaders asks a server for its readers and editors.
func TestReaders(t *testing.T) {
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	l, err := live.New(live.Options{
		Store: store, Token: secret,
		Presence:   &presence.Options{Node: "web-1", Every: 20 * time.Millisecond, TTL: patience},
		Publishers: func(p *live.Parts) []publisher.Publisher { return []publisher.Publisher{sse.New(p.Feed, nil)} },
	})
	if err == nil {
		err = l.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: match}, 0); err != nil {
		t.Fatal(err)
	}
	c, ctx := newClient(t, "http://live.example", through(t, l)), patient(t)
	for _, ask := range []func() (client.Readers, error){
		func() (client.Readers, error) { return c.Readers(ctx, match) },
		func() (client.Readers, error) { return c.AllReaders(ctx) },
	} {
		if none, err := ask(); err != nil || none.Now != 0 || none.Most != 0 || !none.MostAt.IsZero() || len(none.Nodes) != 0 {
			t.Errorf("without readers: %+v, %v", none, err)
		}
	}

	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/live/sse/"+string(match), nil)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	for got := (client.Readers{}); got.Now == 0; {
		all, err := c.AllReaders(ctx)
		if err == nil {
			got, err = c.Readers(ctx, match)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.Now > 0 && (got.Now != 1 || got.Most != 1 || got.MostAt.IsZero() || !reflect.DeepEqual(got.Nodes, []client.NodeReaders{{Node: "web-1", Now: 1}})) {
			t.Errorf("got %+v", got)
		}
		if all.Now > 1 || all.Most > 1 {
			t.Errorf("on all channels: %+v", all)
		}
		var again client.Readers
		if data, err := json.Marshal(got); err != nil || json.Unmarshal(data, &again) != nil || again.Now != got.Now || !again.MostAt.Equal(got.MostAt) {
			t.Errorf("in JSON: %+v, %v", again, err)
		}
	}

	post := motacilla.NewPostID(time.Now())
	said, err := c.BeEditor(ctx, match, client.Editor{Tab: "1", Post: post, Who: "person/eve", Name: "Eve"})
	if err != nil || len(said) != 1 || said[0].Tab != "1" || said[0].Post != post || said[0].Draft != "" || said[0].Who == "person/eve" || said[0].Since.IsZero() {
		t.Fatalf("said %+v, %v", said, err)
	}
	got, err := c.Editors(ctx, match)
	if err != nil || !reflect.DeepEqual(got, said) {
		t.Errorf("editors: %+v, %v; want %+v", got, err, said)
	}
	var again []client.Editor
	if data, err := json.Marshal(got); err != nil || json.Unmarshal(data, &again) != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("in JSON: %+v, %v", again, err)
	}
	said, err = c.BeEditor(ctx, match, client.Editor{Tab: "1", Draft: string(post)})
	if err != nil || len(said) != 1 || said[0].Post != "" || said[0].Draft != string(post) {
		t.Errorf("said %+v, %v", said, err)
	}
	for what, err := range map[string]error{
		"a tab that is too long": second(c.BeEditor(ctx, match, client.Editor{Tab: strings.Repeat("x", 65)})),
		"no post's ID":           second(c.BeEditor(ctx, match, client.Editor{Post: "x"})),
	} {
		if !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	o := through(t, l)
	o.Token = ""
	stranger := newClient(t, "http://live.example", o)
	for _, err := range onReaders(ctx, c, "none") {
		if !errors.Is(err, motacilla.ErrNotFound) || !strings.Contains(err.Error(), `channel "none"`) {
			t.Errorf("of no channel: %v", err)
		}
	}
	for _, err := range append(onReaders(ctx, stranger, match), second(stranger.AllReaders(ctx))) {
		if !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("without a token: %v", err)
		}
	}
}

func onReaders(ctx context.Context, c *client.Client, ch motacilla.ChannelID) []error {
	return []error{second(c.Readers(ctx, ch)), second(c.Editors(ctx, ch)), second(c.BeEditor(ctx, ch, client.Editor{}))}
}

// TestReadersAskedWrongly: what is no channel is not asked for, and what is no answer of Motacilla is an error.
func TestReadersAskedWrongly(t *testing.T) {
	sent := through(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent", r.URL) }))
	for _, ch := range []motacilla.ChannelID{"", "..", "a/b", "a?b"} {
		for _, err := range onReaders(patient(t), newClient(t, "http://live.example", sent), ch) {
			if !errors.Is(err, motacilla.ErrInvalid) {
				t.Errorf("channel %q: %v", ch, err)
			}
		}
	}
	for _, said := range []string{`{}`, `[]`, `<html>`, `{"now":"3","nodes":[]}`, `{"editors":[{"since":"soon"}]}`} {
		o := through(t, say(200, "application/json", said))
		o.Attempts = 1
		c := newClient(t, "http://live.example", o)
		for _, err := range append(onReaders(patient(t), c, match), second(c.AllReaders(patient(t)))) {
			var answer *client.Error
			if !errors.As(err, &answer) || !strings.Contains(err.Error(), "not as Motacilla does") {
				t.Errorf("%s: %v", said, err)
			}
		}
	}
}
