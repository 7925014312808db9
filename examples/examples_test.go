// Package examples has apps to start from. Its tests run all of them.
package examples

import (
	"context"
	"os"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

func TestWagtailLive(t *testing.T) {
	body, err := os.ReadFile("wagtail-live.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var server *app.Server
	in := &app.Input{YAML: body, Env: []string{}, Flags: map[string]string{"server.addr": "127.0.0.1:0"}}
	a := app.New(memory.Module, polling.Module, websocket.Module, webapp.Module, fx.Supply(in), fx.Populate(&server))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	for name, want := range map[string]string{
		"long-polling": "/wagtail_live/get-updates/match-42/", "websocket": "/ws/channel/match-42/",
	} {
		if url, err := server.URL(name, "match-42"); err != nil || url != want {
			t.Errorf("%s is at %q, want %q, %v", name, url, want, err)
		}
	}
}
