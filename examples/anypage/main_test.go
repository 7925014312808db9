package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

func TestAnyPage(t *testing.T) {
	defer leaktest.None(t)
	defer http.DefaultClient.CloseIdleConnections()
	var server *app.Server
	var store storage.Store
	in := &app.Input{YAML: []byte(`server: {addr: "127.0.0.1:0"}`), Env: []string{}}
	a := app.New(memory.Module, polling.Module, fx.Supply(in), fx.Populate(&server, &store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(t.Context())
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "storm", Title: "The storm"}, 0); err != nil {
		t.Fatal(err)
	}
	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<p>The bridge is closed.</p>"))}}
	if _, err := store.PutPost(t.Context(), "storm", post, 0); err != nil {
		t.Fatal(err)
	}

	live := &url.URL{Scheme: "http", Host: server.Addr().String()}
	for channel, has := range map[string]bool{"storm": true, "none": false} {
		w := httptest.NewRecorder()
		site(live, channel).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		answer := w.Result()
		body, _ := io.ReadAll(answer.Body)
		page := string(body)
		if answer.StatusCode != http.StatusOK || !strings.Contains(page, `<live-posts src="`+live.String()+`" channel="`+channel+`">`) {
			t.Fatalf("%s: %s\n%s", channel, answer.Status, page)
		}
		if got := strings.Contains(page, "The bridge is closed.") && strings.Contains(page, "data-revision="); got != has {
			t.Errorf("%s: the posts are in the page: %v, want %v", channel, got, has)
		}
		if policy := answer.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") ||
			!strings.Contains(policy, "script-src "+live.String()+";") {
			t.Errorf("policy %q", policy)
		}
	}
}
