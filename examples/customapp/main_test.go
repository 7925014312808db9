package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"go.uber.org/fx"
)

func TestCustomApp(t *testing.T) {
	defer leaktest.None(t)
	var server *app.Server
	in := &app.Input{YAML: []byte(`server: {addr: "127.0.0.1:0"}`), Env: []string{}}
	a := app.New(options, fx.Supply(in), fx.Populate(&server))
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()

	base := "http://" + server.Addr().String()
	resp, err := http.Post(base+"/goal/final", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST /goal/final = %s", resp.Status)
	}
	resp, err = http.Get(base + "/live/long-polling/final/?since=0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var u motacilla.Update
	if err := json.NewDecoder(resp.Body).Decode(&u); err != nil {
		t.Fatal(err)
	}
	if len(u.Renders) != 1 {
		t.Errorf("the reader got %d posts, want 1", len(u.Renders))
	}
	resp, err = http.Get(base + "/live/interval-polling/final/?since=0")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("interval polling = %s, want 404: this app has none", resp.Status)
	}
}
