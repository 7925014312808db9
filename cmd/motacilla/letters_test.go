package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/webhook"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"go.uber.org/fx"
)

// The commands work on the store of a server that runs.
func TestLetters(t *testing.T) {
	var refuses atomic.Int64
	refuses.Store(http.StatusUnprocessableEntity)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(int(refuses.Load()))
	}))
	defer target.Close()
	path := filepath.Join(t.TempDir(), "live.db")
	yaml := fmt.Sprintf(`{server: {addr: "127.0.0.1:0", token: s3cret}, log: {level: error}, storage: {type: sqlite, path: %q},
publishers: [{type: sse}, {type: webhook, name: partner, url: %q, secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  allow: ["127.0.0.0/8"], backoff: 50ms}]}`, path, target.URL)
	var server *app.Server
	var store storage.Store
	in := &app.Input{YAML: []byte(yaml), Env: []string{}}
	a := app.New(sqlite.Module, sse.Module, webhook.Module, webapp.Module, fx.Supply(in), fx.Populate(&server, &store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	letters := func(args ...string) (int, string, string) {
		return call(append(append([]string{"letters"}, args...), "--storage", "sqlite:"+path)...)
	}
	if code, out, errs := letters(); code != 0 || out != "There are no letters.\n" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if code, _, errs := letters("send", "partner"); code != 1 || !strings.Contains(errs, "there is no letter of partner") {
		t.Fatalf("%d %s", code, errs)
	}
	status := func() (text string) {
		resp, err := http.Get("http://" + server.Addr().String() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for late := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("not after %v: %s; %s", patience, what, status())
			}
		}
	}
	listed := func() string {
		code, out, errs := letters()
		if code != 0 {
			t.Fatal(errs)
		}
		return out
	}
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0); err != nil {
		t.Fatal(err)
	}
	post := func() {
		if _, err := store.PutPost(t.Context(), "final", motacilla.Post{Show: true}, 0); err != nil {
			t.Fatal(err)
		}
	}
	await("there is a letter", func() bool {
		post() // until the relay has begun, what there is is no news
		return strings.HasPrefix(listed(), "partner\tfinal\t")
	})
	await("/readyz tells of it", func() bool { return strings.Contains(status(), "relay partner: letters: 1") })
	if code, out, errs := letters("send", "--wait", "10m"); code != 1 || !strings.Contains(out, "partner final: failed again: 127.0.0.1:") ||
		!strings.Contains(errs, "1 of 1 letter not sent") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	refuses.Store(http.StatusOK)
	code, out, errs := letters("send", "partner", "final", "--output", "json", "--wait", "10m")
	if code != 0 || !json.Valid([]byte(out)) || !strings.Contains(out, `"result": "sent"`) {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	refuses.Store(http.StatusGone)
	post()
	await("the relay rests", func() bool { return strings.HasPrefix(listed(), "partner\t(it rests)\t") })
	await("/readyz tells of that", func() bool { return strings.Contains(status(), "motacilla letters send partner lets it go on") })
	if code, out, _ := letters("drop", "partner"); code != 0 || out != "0 letters dropped.\n" {
		t.Fatalf("%d %s", code, out)
	}
	refuses.Store(http.StatusOK)
	if code, out, errs := letters("send", "partner", "--wait", "10m"); code != 0 || out != "partner: goes on\n" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	refuses.Store(http.StatusBadRequest)
	await("there is another letter", func() bool {
		post()
		return strings.HasPrefix(listed(), "partner\tfinal\t")
	})
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := letters("send", "partner", "final", "--wait", "1ms"); code != 1 || !strings.Contains(out, "no server has sent it within 1ms") {
		t.Fatalf("%d %s", code, out)
	}
	if code, out, _ := letters("drop", "partner", "final"); code != 0 || out != "1 letter dropped.\n" {
		t.Fatalf("%d %s", code, out)
	}
	for _, args := range []string{"drop", "send a b c", "send partner a/b"} {
		if code, _, errs := letters(strings.Fields(args)...); code != exitUsage {
			t.Errorf("letters %s = %d %s", args, code, errs)
		}
	}
}
