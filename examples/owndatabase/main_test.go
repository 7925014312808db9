package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

func TestOwnDatabase(t *testing.T) {
	defer leaktest.None(t)
	defer http.DefaultClient.CloseIdleConnections()
	t.Chdir(t.TempDir())
	var server *app.Server
	var store storage.Store
	in := &app.Input{YAML: []byte(`{server: {addr: "127.0.0.1:0"}, log: {level: error}}`), Env: []string{}}
	a := app.New(options, fx.Supply(in), fx.Populate(&server, &store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0); err != nil {
		t.Fatal(err)
	}
	base := "http://" + server.Addr().String()
	for _, want := range []string{"Goal by Ada, who has 1 now.", "Goal by Ada, who has 2 now."} {
		resp, err := http.PostForm(base+"/goals/final", url.Values{"player": {"Ada"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("POST /goals/final: %s", resp.Status)
		}
		if resp, err = http.Get(base + "/channels/final"); err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q: %s, %v", want, page, err)
		}
	}
	resp, err := http.PostForm(base+"/goals/none", url.Values{"player": {"Ada"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("a channel that does not exist: %s", resp.Status)
	}
}
